// Pods with links, as the API server and CNI's result cache of their node tell of them.
import type { Pod } from '../../src/api/kube.ts';
import { ANNOTATION_NETWORK_STATUS } from '../../src/api/multus.ts';
import type { CachedLink } from '../../src/domain/pod/cached-link.ts';

export interface PodLinkInit {
  readonly ips: readonly string[];
  readonly mac?: string;
  /** Default `lan`. */
  readonly attachment?: string;
}

const MAC = '02:aa:00:00:00:02';

/** A running pod of the namespace `home` that Multus has given one link. */
export function attachedPod(name: string, { ips, mac = MAC, attachment = 'lan' }: PodLinkInit): Pod {
  const entry = { name: `home/${attachment}`, interface: 'net1', ips, mac, dns: {} };
  const annotations = { [ANNOTATION_NETWORK_STATUS]: JSON.stringify([{ name: 'cbr0', default: true }, entry]) };
  return {
    metadata: { name, namespace: 'home', uid: `uid-${name}`, annotations },
    spec: {},
    status: { phase: 'Running' },
  };
}

/** What the plugins left in the cache about that link. */
export function cachedLink(name: string, init: PodLinkInit & { netns?: string; master?: string }): CachedLink {
  const { ips, mac = MAC, attachment = 'lan', netns = '2', master = `mva-${attachment}` } = init;
  return {
    ...{ namespace: 'home', name, uid: `uid-${name}`, attachment, interface: 'net1', netns, mac },
    addresses: ips.map((address) => ({ address, prefixLength: address.includes(':') ? 64 : 24 })),
    routes: [],
    settings: { master, mode: 'bridge', ipam: 'static', chained: [], fingerprint: '' },
  };
}
