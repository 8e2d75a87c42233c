// What a pod chooses on networks of others. What these allow is not ours to say; what the cluster's guards and the claims say holds there
// as well, since another network may be on the same LAN.
import type { Namespace, Pod } from '../../api/kube.ts';
import { ANNOTATION_NETWORKS } from '../../api/multus.ts';
import { EXEMPT, LABEL_GUARDS, type RawPins } from '../../api/names.ts';
import { formatAddress, parseLinkAddress, unmapped } from '../net/address-text.ts';
import { choosesAddress, isUnreadable, type NetworkElement, parseNetworks } from '../pod/networks.ts';
import type { NetworkView } from './links.ts';
import type { Refusal } from './reason.ts';

/** Whether the guards of the cluster leave the namespace out. */
export function isExempt(namespace: Namespace | undefined): boolean {
  return namespace?.metadata.labels?.[LABEL_GUARDS] === EXEMPT;
}

/**
 * Why a pod that our gate holds is not let go: with `guards.rawPins: Refuse` nobody chooses an address on a network that is not ours. A
 * policy says so to all other pods; these it leaves to us, for it cannot know which networks are whose.
 */
export function pinElsewhere(
  pod: Pod,
  view: NetworkView,
  guards: { readonly rawPins: RawPins; readonly namespace: Namespace | undefined },
): Refusal | undefined {
  if (guards.rawPins !== 'Refuse' || isExempt(guards.namespace)) return undefined;
  const element = networksElsewhere(pod, view).find(choosesAddress);
  if (element === undefined) return undefined;
  return {
    reason: 'PinDenied',
    message:
      `The annotation ${ANNOTATION_NETWORKS} chooses an address for ${element.name}, a network of somebody else, ` +
      'and guards.rawPins: Refuse lets no pod do so.',
    remedy: `Leave mac, ips and cni-args of ${element.name} out in the template of the pod, or label the namespace ${LABEL_GUARDS}: ${EXEMPT}.`,
  };
}

function networksElsewhere(pod: Pod, view: NetworkView): readonly NetworkElement[] {
  const parsed = parseNetworks(pod.metadata.annotations?.[ANNOTATION_NETWORKS] ?? '');
  if (isUnreadable(parsed)) return [];
  return parsed.filter(
    ({ name, namespace }) => typeof view(namespace ?? pod.metadata.namespace ?? '', name) === 'string',
  );
}

/** Addresses that the pod chose there, by whichever key, in our spelling. One of an identity is taken wherever it would be used. */
export function addressesElsewhere(pod: Pod, view: NetworkView): readonly string[] {
  const texts = networksElsewhere(pod, view).flatMap(({ mac = '', ips = [], argTexts = [] }) => [
    mac,
    ...ips,
    ...argTexts,
  ]);
  // Several in one text, as CNI_ARGS has them, into which Multus puts what stands in `mac` and `ips` as it is.
  const parts = texts.flatMap((text) => text.split(/[\s,;=]+/));
  return [...new Set(parts.map(addressIn).filter((address) => address !== undefined))];
}

function addressIn(text: string): string | undefined {
  const parsed = parseLinkAddress(text);
  if (parsed !== undefined) return formatAddress(unmapped(parsed.address));
  const digits = text.toLowerCase().replaceAll(/[^0-9a-f]/g, '');
  return digits.length === 12 ? digits.replaceAll(/..(?!$)/g, '$&:') : undefined;
}
