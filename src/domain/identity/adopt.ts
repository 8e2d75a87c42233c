// Adoption: pods that were bound, and whose identity does not know of them. Its objects were lost, or restored without their status.
//
//   bound pod ──▶ its addresses are nobody else's, claim or not ──▶ claims ──▶ identity, with the pod as its holder
import type { Pod } from '../../api/kube.ts';
import { ANNOTATION_NETWORKS } from '../../api/multus.ts';
import { ANNOTATION_BOUND, BOUND, LABEL_GATED } from '../../api/names.ts';
import type { MacvlanIdentity } from '../../api/v1alpha1/identity.ts';
import { parseMac } from '../net/mac.ts';
import { isUnreadable, type NetworkElement, parseNetworks } from '../pod/networks.ts';
import { byAge } from './assign.ts';
import { claimName } from './claims.ts';
import { hasEnded } from './release.ts';

/**
 * The identity that the pod was bound to, by what the controller wrote on it: a policy keeps others from writing that. Nothing for
 * pods that wait, or never asked.
 */
export function boundTo({ metadata: { labels, annotations } }: Pod): string | undefined {
  return labels?.[LABEL_GATED] === BOUND ? annotations?.[ANNOTATION_BOUND] || undefined : undefined;
}

/** By identity: the pod that was bound to it and that it does not know of. Of several, one that stays, then the oldest. */
export function unrecordedHolders(
  pods: readonly Pod[],
  identities: readonly MacvlanIdentity[],
): ReadonlyMap<string, Pod> {
  const recorded = new Set(identities.filter(hasHolder).map(({ metadata }) => metadata.name));
  const found = new Map<string, Pod>();
  for (const pod of pods.filter((candidate) => !hasEnded(candidate)).toSorted(byStanding)) {
    const identity = boundTo(pod);
    if (identity !== undefined && !recorded.has(identity) && !found.has(identity)) found.set(identity, pod);
  }
  return found;
}

/** The networks that a pod is bound to an identity on; none once it has ended. */
export function boundNetworksOf(pod: Pod): readonly NetworkElement[] {
  const isIt = boundTo(pod) !== undefined && !hasEnded(pod);
  const parsed = !isIt ? [] : parseNetworks(pod.metadata.annotations?.[ANNOTATION_NETWORKS] ?? '');
  return isUnreadable(parsed) ? [] : parsed;
}

/** Names of the claims that there should be for the addresses of a bound pod, whoever's its networks are. */
export function claimNamesOf(pod: Pod, networks = boundNetworksOf(pod)): readonly string[] {
  return networks.flatMap(({ name: attachment, mac: text, ips = [] }) => {
    const mac = parseMac(text ?? '');
    const addresses = [...(mac === undefined ? [] : [mac]), ...ips];
    return addresses.map((address) => claimName({ address, attachment }));
  });
}

/** Names of the NADs, as `namespace/name`, that a bound pod is on. */
export function definitionsOf(pod: Pod, networks = boundNetworksOf(pod)): readonly string[] {
  return networks.map(({ namespace, name }) => `${namespace ?? pod.metadata.namespace}/${name}`);
}

function hasHolder({ status }: MacvlanIdentity): boolean {
  return status?.holder !== undefined;
}

function byStanding(a: Pod, b: Pod): number {
  const [one, other] = [a, b].map(({ metadata }) => (metadata.deletionTimestamp === undefined ? 0 : 1));
  return (one ?? 0) - (other ?? 0) || byAge(a, b);
}
