// The MAC-filter probe as decisions: whom to ask, on which NIC, what the answers mean, and when to ask again. The agent's
// probe/ asks.
import { PROBE_PREFIX } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { Ipam } from '../../api/v1alpha1/ipam.ts';
import { base32, hash64 } from '../net/hash.ts';
import { parseIPv4 } from '../net/ipv4.ts';
import { localMac } from '../net/mac.ts';
import type { Link, Network } from '../net/network.ts';
import { identityMac } from './fact.ts';

/** The gateway is asked this often from both MAC addresses, so many milliseconds apart. Together: the longest that one takes. */
export const PROBE_TRIES = 6;
export const PROBE_TRY_MS = 500;
/** The NIC itself has to have been answered this often before silence towards the other says anything: answers get lost. */
const SOUND_ANSWERS = 3;
/** From one probe of a NIC to the next, in milliseconds. Where frames are filtered somebody may be at it: look again soon. */
const AGAIN_MS = { Open: 6 * 3600_000, Filtered: 600_000, Unclear: 3600_000 } as const;

/**
 * Open: the other MAC address was answered too. Filtered: only the NIC was. Unclear: the NIC was not, or hardly, so nothing can
 * be said.
 */
export interface ProbeFinding {
  readonly verdict: 'Open' | 'Filtered' | 'Unclear';
  readonly gateway: string;
}

/** One NIC and whom to ask on it. */
export interface ProbeWish {
  readonly parent: number;
  /** The NIC's own address: under it the first question is asked. */
  readonly mac: string;
  /** The link for the second question, and its address: the same each time, so that no switch has to learn one after the other. */
  readonly name: string;
  readonly probeMac: string;
  readonly gateway: string;
}

/** Finding or wish of the same key are about the same question. */
export function probeKeyOf({ parent, mac, gateway }: Pick<ProbeWish, 'parent' | 'mac' | 'gateway'>): string {
  return `${parent}|${mac}|${gateway}`;
}

/**
 * What to ask for an attachment whose NIC is this one. Nothing when it does not want to know, `NoGateway` when nobody is known to
 * ask. In mode passthru the NIC belongs to one pod, and no second link can be on it.
 */
export function probeWishFor(
  attachment: MacvlanAttachment,
  parent: Link,
  network: Network,
  nodeUid: string,
): ProbeWish | 'NoGateway' | undefined {
  const { macFilterProbe, mode } = attachment.spec;
  if (macFilterProbe?.type !== 'Gateway' || mode === 'passthru') return undefined;
  const gateway = macFilterProbe.gateway ?? nextHop(parent, network) ?? gatewayIn(attachment.spec.ipam);
  if (gateway === undefined) return 'NoGateway';
  const name = PROBE_PREFIX + base32(hash64(`probe|${nodeUid}|${identityMac(parent)}`), 15 - PROBE_PREFIX.length);
  return { parent: parent.ifindex, mac: parent.mac, name, probeMac: probeMacFor(nodeUid, name), gateway };
}

/** What the answers say. */
export function judgeAnswers(answers: { readonly parent: number; readonly probe: number }): ProbeFinding['verdict'] {
  if (answers.probe > 0) return 'Open';
  return answers.parent >= SOUND_ANSWERS ? 'Filtered' : 'Unclear';
}

/** Milliseconds until the same question is asked again. */
export function probeAgainMs(verdict: ProbeFinding['verdict']): number {
  return AGAIN_MS[verdict];
}

/** On each link of a probe; `ip link` shows it as the link's alias. */
export const PROBE_NOTE = 'probe of macvlan.dev';

/** Whether the link was made for a probe on this node. A name with our prefix alone proves nothing. */
export function isOwnProbe({ kind, name, mac, note }: Link, nodeUid: string): boolean {
  if (kind !== 'macvlan' || !name.startsWith(PROBE_PREFIX)) return false;
  return note === PROBE_NOTE || mac === probeMacFor(nodeUid, name);
}

function probeMacFor(nodeUid: string, name: string): string {
  return localMac(hash64(`mac|${nodeUid}|${name}`));
}

/** Through which router the NIC's own default route goes; of several, the one that the kernel prefers. */
function nextHop({ ifindex }: Link, { routes }: Network): string | undefined {
  const [best] = routes
    .filter(({ family, prefixLength, isUnicast }) => family === 'IPv4' && prefixLength === 0 && isUnicast)
    .filter(({ links }) => links.length === 1 && links[0] === ifindex)
    .toSorted((a, b) => a.metric - b.metric);
  return best?.gateways?.find((gateway) => parseIPv4(gateway) !== undefined);
}

function gatewayIn({ hostLocal, pool }: Ipam): string | undefined {
  const ranges = [...(pool?.ranges ?? []), ...(hostLocal?.ranges ?? [])];
  return ranges
    .map(({ gateway }) => gateway)
    .find((gateway) => gateway !== undefined && parseIPv4(gateway) !== undefined);
}
