// Pods that ask for an identity, and the floor: a plain client that knows beforehand what a binding writes, and writes it itself.
import { POD, type Pod } from '../../src/api/kube.ts';
import { ANNOTATION_NETWORKS } from '../../src/api/multus.ts';
import {
  ANNOTATION_BOUND,
  ANNOTATION_IDENTITY,
  BOUND,
  GATE_IDENTITY,
  GATED,
  LABEL_GATED,
} from '../../src/api/names.ts';
import { CLAIM } from '../../src/api/v1alpha1/claim.ts';
import { IDENTITY, type IdentityLink } from '../../src/api/v1alpha1/identity.ts';
import { bindingPatch } from '../../src/domain/identity/bind.ts';
import { addressesOf, claimFor } from '../../src/domain/identity/claims.ts';
import type { KubeClient } from '../../src/kernel/kube/client.ts';

export const LAN = 'lan';
export const HOME = 'bench';

/** A pod that asks for an identity of its name, with an address from a pool, held as the policy of the chart would hold it. */
export function gatedPod(name: string): Pod {
  return pod(name, { [ANNOTATION_NETWORKS]: LAN, [ANNOTATION_IDENTITY]: 'auto' }, GATED, {
    schedulingGates: [{ name: GATE_IDENTITY }],
  });
}

function pod(name: string, annotations: Readonly<Record<string, string>>, label: string, spec: object): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: HOME, labels: { [LABEL_GATED]: label }, annotations },
    spec: { containers: [{ name: 'main', image: 'none' }], ...spec },
  } as Pod;
}

/** The link of the identity with that number: no two have the same addresses, and none has one that the operator derives. */
function linkOf(index: number): IdentityLink {
  const hex = (value: number) => (value & 255).toString(16).padStart(2, '0');
  const mac = `00:16:3e:${hex(index >> 16)}:${hex(index >> 8)}:${hex(index)}`;
  return { attachment: LAN, index: 0, mac, ips: [`10.1.${index >> 8}.${index & 255}/8`] };
}

function networksFor({ mac, ips }: IdentityLink): string {
  return JSON.stringify([{ name: LAN, mac, ips }]);
}

/** What the operator writes for a pod, by somebody who has nothing to find out: claims, the identity, its holder, the pod. */
export async function plainBinding(client: KubeClient, made: Pod, index: number): Promise<void> {
  const link = linkOf(index);
  await plainIdentity(client, made, link);
  const networks = networksFor(link);
  const identity = `pod-${made.metadata.name}`;
  await client.jsonPatch(POD, made.metadata, bindingPatch(made, { identity, networks, placement: {} }));
}

async function plainIdentity(client: KubeClient, { metadata: { name: owner, uid = '' } }: Pod, link: IdentityLink) {
  const name = `pod-${owner}`;
  const reference = { namespace: HOME, name };
  for (const claimed of addressesOf([link])) await client.create(CLAIM, claimFor(claimed, reference));
  await client.create(IDENTITY, { metadata: reference, spec: { attachments: [link], reclaim: { type: 'Retain' } } });
  const status = { phase: 'Bound', holder: { pod: owner, uid, node: 'bench-node' } };
  await client.mergePatch(IDENTITY, reference, { status }, { subresource: 'status', manager: 'bench' });
}

/** A pod that was bound long ago, and runs: with its identity and its claims. */
export async function settledPod(client: KubeClient, index: number): Promise<void> {
  const name = `settled-${index}`;
  const link = linkOf(index);
  const annotations = {
    [ANNOTATION_NETWORKS]: networksFor(link),
    [ANNOTATION_IDENTITY]: 'auto',
    [ANNOTATION_BOUND]: `pod-${name}`,
  };
  const made = await client.create(POD, pod(name, annotations, BOUND, { nodeName: 'bench-node' }));
  await plainIdentity(client, made, link);
}
