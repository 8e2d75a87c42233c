// What the checks of the preflight look at, and what a check is.
import type { MacvlanAttachment } from '../../../api/v1alpha1/attachment.ts';
import { findByIndex, type Link } from '../../net/network.ts';
import type { Problem } from '../../problem.ts';
import type { ProbeFinding } from '../mac-filter.ts';

export interface PreflightFacts {
  readonly attachment: MacvlanAttachment;
  readonly parent: Link;
  readonly alias: string;
  /** All links of the node. */
  readonly links: readonly Link[];
  /** CNI plugins that the attachment needs and the node lacks. */
  readonly missingPlugins: readonly string[];
  /** What the node says that it runs; empty when it does not say. */
  readonly system: SystemFacts;
  /** Programs on the node that answer ARP on every link that they find, by name. */
  readonly arpResponders: readonly string[];
  /** Indexes of links where some program listens for ARP; nothing when that cannot be seen. */
  readonly arpListeners?: ReadonlySet<number>;
  /** What the MAC-filter probe found on the parent, where it has found something out. */
  readonly probe?: ProbeFinding;
}

/** As the node's kubelet reports them. */
export interface SystemFacts {
  readonly osImage: string;
  readonly kernelVersion: string;
}

/** States one fact: what is wrong when it is not so, or nothing. */
export type Check = (facts: PreflightFacts) => Problem | undefined;

/** The link itself and what it stands on: a VLAN's NIC, that one's NIC, and so on. */
export function standsOn(link: Link, links: readonly Link[]): readonly Link[] {
  const found = [link];
  for (let at: Link | undefined = link; at !== undefined; ) {
    const { lower, isLowerElsewhere }: Link = at;
    at = lower === undefined || isLowerElsewhere ? undefined : findByIndex(links, lower);
    if (at === undefined || found.includes(at)) return found;
    found.push(at);
  }
  return found;
}

/** Every link that carries frames of this one: what it stands on, and the ports of bridges, bonds and teams among these. */
export function carriersOf(link: Link, links: readonly Link[]): readonly Link[] {
  const found: Link[] = [];
  for (const waiting = [link]; waiting.length > 0; ) {
    const next = waiting.pop();
    if (next === undefined || found.includes(next)) continue;
    found.push(next);
    const ports = links.filter(({ master }) => master === next.ifindex);
    waiting.push(...ports.filter(isWayOut), ...standsOn(next, links));
  }
  return found;
}

/** The ports of a bridge that are cables of pods or of virtual machines lead to these only. */
function isWayOut({ kind, isLowerElsewhere }: Link): boolean {
  return kind !== 'tun' && !(kind === 'veth' && isLowerElsewhere);
}
