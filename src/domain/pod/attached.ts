// Which pods of a node are on which attachment, from what Multus wrote on them.
import type { Pod } from '../../api/kube.ts';
import { ANNOTATION_NETWORK_STATUS } from '../../api/multus.ts';
import { parseAddress } from '../net/address-range.ts';
import { withoutPrefixLength } from '../net/cidr.ts';
import { parseMac } from '../net/mac.ts';

/** One link of a pod on an attachment. */
export interface AttachedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly attachment: string;
  readonly interface: string;
  /** Empty when it is not known. */
  readonly mac: string;
  /** Without prefix length. */
  readonly ips: readonly string[];
}

/** The most that is taken from one pod: it is written by users, and goes on into an object that all pods of the node share. */
const LIMITS = { characters: 65_536, entries: 64, addresses: 16, name: 15 };

/** An entry of the annotation, as far as it could be understood. */
interface Entry {
  readonly name: string;
  readonly interface: string;
  readonly mac: string;
  readonly ips: readonly string[];
}

/**
 * Whether a NAD is known to be somebody else's. Its name alone does not make pods on it ours; but where there is no NAD any
 * more, they may well be.
 */
export type IsForeign = (namespace: string, name: string) => boolean;

/** The links of the node's pods on the given attachments, sorted. Pods that have ended have none any more. */
export function attachedPods(
  pods: readonly Pod[],
  attachments: ReadonlySet<string>,
  isForeign: IsForeign = () => false,
): readonly AttachedPod[] {
  return pods
    .filter((pod) => pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed')
    .flatMap((pod) => linksOf(pod, attachments, isForeign))
    .sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
}

function linksOf(pod: Pod, attachments: ReadonlySet<string>, isForeign: IsForeign): readonly AttachedPod[] {
  const { namespace = '', name, uid = '', annotations } = pod.metadata;
  return parseNetworkStatus(annotations?.[ANNOTATION_NETWORK_STATUS]).flatMap((entry) => {
    const [home = '', attachment] = networkOf(entry.name);
    if (attachment === undefined || !attachments.has(attachment) || isForeign(home, attachment)) return [];
    return [{ namespace, name, uid, attachment, interface: entry.interface, mac: entry.mac, ips: entry.ips }];
  });
}

/** Namespace and name of a NAD. The cluster's own network has a plain name and is no attachment of ours. */
function networkOf(networkName: string): readonly string[] {
  const parts = networkName.split('/');
  return parts.length === 2 && parts[1] !== '' ? parts : [];
}

/**
 * The entries of a network-status annotation. Several programs write it, and users can: what makes no sense is left out,
 * never an error.
 */
export function parseNetworkStatus(text: string | undefined): readonly Entry[] {
  if (text === undefined || text.length > LIMITS.characters) return [];
  const list = parseJson(text);
  return Array.isArray(list) ? list.slice(0, LIMITS.entries).flatMap((item) => parseEntry(item)) : [];
}

function parseEntry(item: unknown): readonly Entry[] {
  if (typeof item !== 'object' || item === null) return [];
  const { name, interface: link, mac, ips } = item as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string') return [];
  const texts = Array.isArray(ips) ? ips.filter((ip): ip is string => typeof ip === 'string') : [];
  const addresses = texts.map(withoutPrefixLength).filter((ip) => parseAddress(ip) !== undefined);
  return [
    {
      name,
      interface: typeof link === 'string' && link.length <= LIMITS.name ? link : '',
      mac: typeof mac === 'string' ? (parseMac(mac) ?? '') : '',
      ips: [...new Set(addresses)].slice(0, LIMITS.addresses).sort(),
    },
  ];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sortKey(pod: AttachedPod): string {
  return `${pod.namespace}/${pod.name}/${pod.attachment}/${pod.interface}`;
}
