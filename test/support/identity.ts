// Pods and identities for tests, with defaults for everything that a test does not care about.
import type { ObjectMeta, Pod } from '../../src/api/kube.ts';
import type { IdentityHolder } from '../../src/api/v1alpha1/identity.ts';
import type { HolderFacts } from '../../src/domain/identity/release.ts';

/** A pod `home/<name>` that waits for an identity on `lan`, by default because its gate says so. */
export function waitingPod(name: string, metadata: Partial<ObjectMeta> = {}): Pod {
  const { labels, annotations, ...rest } = metadata;
  return {
    metadata: {
      name,
      namespace: 'home',
      uid: `uid-${name}`,
      resourceVersion: '7',
      ...rest,
      labels: { 'macvlan.dev/gated': 'true', ...labels },
      annotations: { 'k8s.v1.cni.cncf.io/networks': 'lan', ...annotations },
    },
    spec: { schedulingGates: [{ name: 'macvlan.dev/identity' }] },
  };
}

/** The same, bound and running on a node. */
export function boundPod(
  name: string,
  identity: string,
  init: { readonly phase?: string; readonly deleted?: true } = {},
): Pod {
  const { metadata } = waitingPod(name);
  return {
    metadata: {
      ...metadata,
      labels: { 'macvlan.dev/gated': 'bound' },
      annotations: { ...metadata.annotations, 'macvlan.dev/bound': identity },
      ...(init.deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { nodeName: 'a' },
    status: { phase: init.phase ?? 'Running' },
  };
}

export function holderFacts(init: Partial<HolderFacts> = {}, holder: Partial<IdentityHolder> = {}): HolderFacts {
  return {
    holder: { pod: 'web-0', uid: 'uid-web-0', node: 'a', bootId: 'boot-1', ...holder },
    pod: undefined,
    lastSeen: undefined,
    node: { metadata: { name: 'a' }, status: { nodeInfo: { bootID: 'boot-1' } } },
    released: undefined,
    ...init,
  };
}
