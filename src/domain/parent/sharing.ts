// Who may have a NIC when not all who want it can: passthru takes it for one alone, and the kernel refuses everybody else.
//
// The older attachment keeps the NIC, so that nobody loses it to an attachment that comes later: sooner or later the kernel would
// decide by who happens to attach first, and differently on each node.
import { PROBE_PREFIX, SHIM_PREFIX } from '../../api/names.ts';
import type { MacvlanAttachment, MacvlanMode } from '../../api/v1alpha1/attachment.ts';
import type { Link } from '../net/network.ts';
import type { Problem } from '../problem.ts';

/** An attachment that wants a NIC of this node. */
export interface Tenant {
  readonly attachment: MacvlanAttachment;
  readonly parent: Link;
}

/** The attachments that cannot have their NIC, by name, each with the reason. Same facts, same answer on every turn. */
export function sharingProblems(tenants: readonly Tenant[], links: readonly Link[]): ReadonlyMap<string, Problem> {
  const problems = new Map<string, Problem>();
  const accepted: Tenant[] = [];
  for (const tenant of [...tenants].sort(byAge)) {
    const problem = takenByLink(tenant, links) ?? takenByAttachment(tenant, accepted);
    if (problem === undefined) accepted.push(tenant);
    else problems.set(tenant.attachment.metadata.name, problem);
  }
  return problems;
}

/** The API server's clock counts seconds, so names decide between those of one second. */
function byAge({ attachment: a }: Tenant, { attachment: b }: Tenant): number {
  const [one, other] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp ?? ''} ${metadata.name}`);
  return (one ?? '') < (other ?? '') ? -1 : 1;
}

function takenByAttachment({ attachment, parent }: Tenant, accepted: readonly Tenant[]): Problem | undefined {
  const mode = modeOf(attachment);
  const holder = accepted.find(
    (other) =>
      other.parent.ifindex === parent.ifindex && (mode === 'passthru' || modeOf(other.attachment) === 'passthru'),
  )?.attachment;
  if (holder === undefined) return undefined;
  const names = { holder: holder.metadata.name, own: attachment.metadata.name };
  return {
    reason: 'ParentTaken',
    message:
      modeOf(holder) === 'passthru'
        ? `${parent.name} belongs to the attachment ${names.holder} alone, whose mode is passthru.`
        : `${parent.name} carries the attachment ${names.holder}, and mode passthru needs a NIC for itself.`,
    remedy: `Give ${names.own} or ${names.holder} another NIC, or both a mode other than passthru; the older one keeps the NIC.`,
  };
}

/** Links that somebody else put on the NIC in the node's own namespace. Those in pods cannot be seen from here. */
function takenByLink({ attachment, parent }: Tenant, links: readonly Link[]): Problem | undefined {
  const mode = modeOf(attachment);
  const other = links.find((link) => isForeignChild(link, parent) && !canShare(mode, link));
  if (other === undefined) return undefined;
  const kind = other.macvlanMode === undefined ? other.kind : `${other.kind} (${other.macvlanMode})`;
  return {
    reason: 'ParentTaken',
    message: `${parent.name} carries the ${kind} link ${other.name}, which the kernel allows nothing of mode ${mode} beside.`,
    remedy: `Delete ${other.name}, or give ${attachment.metadata.name} another NIC.`,
  };
}

const CHILD_KINDS: ReadonlySet<string> = new Set(['macvlan', 'macvtap', 'ipvlan', 'ipvtap']);

function isForeignChild(link: Link, parent: Link): boolean {
  if (link.lower !== parent.ifindex || link.isLowerElsewhere || !CHILD_KINDS.has(link.kind ?? '')) return false;
  return !link.name.startsWith(SHIM_PREFIX) && !link.name.startsWith(PROBE_PREFIX);
}

/** macvlan and macvtap share a NIC unless one of them is passthru; ipvlan takes the NIC's receive path for itself. */
function canShare(mode: MacvlanMode, link: Link): boolean {
  const isMacvlan = link.kind === 'macvlan' || link.kind === 'macvtap';
  return isMacvlan && mode !== 'passthru' && link.macvlanMode !== 'passthru';
}

function modeOf({ spec }: MacvlanAttachment): MacvlanMode {
  return spec.mode ?? 'bridge';
}
