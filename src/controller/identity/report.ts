// Report: what identities say of themselves, and what pods that wait are told. Written only when there is something new to read.
import { POD } from '../../api/kube.ts';
import { MANAGER_CONTROLLER_STATUS } from '../../api/names.ts';
import { IDENTITY, type MacvlanIdentity, type MacvlanIdentityStatus } from '../../api/v1alpha1/identity.ts';
import type { GroupFacts, GroupPlan, Wait } from '../../domain/identity/plan.ts';
import { holderNow, identityStatus } from '../../domain/identity/status.ts';
import { isEqual } from '../../domain/objects/equal.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import type { EventRecorder } from '../../kernel/kube/events.ts';
import type { Conflicts } from './conflict-sight.ts';
import type { IdentitySight } from './gather.ts';

export interface ReportOptions {
  readonly client: KubeClient;
  readonly sight: IdentitySight;
  readonly events: Pick<EventRecorder, 'record'>;
  /** Missing where nobody looks for any. */
  readonly conflicts?: Pick<Conflicts, 'ofIdentity'>;
  readonly now: () => number;
}

/** The status of every identity of the group, and an event for each pod that waits. */
export async function reportGroup(
  options: ReportOptions,
  { facts, plan, waits }: { readonly facts: GroupFacts; readonly plan: GroupPlan; readonly waits: readonly Wait[] },
  signal: AbortSignal,
): Promise<void> {
  for (const wait of waits) tell(options, wait);
  const { sight, now } = options;
  for (const { metadata } of facts.identities) {
    const identity = sight.identities.get(`${facts.namespace}/${metadata.name}`);
    if (identity === undefined || identity.metadata.deletionTimestamp !== undefined) continue;
    const wait = waits.find((candidate) => candidate.identity === metadata.name);
    const holder = holderAfter(identity, facts, plan);
    const conflicts = conflictsOf(options, identity);
    const status = identityStatus({ identity, holder, wait, ...(conflicts && { conflicts }), now: now() });
    await writeStatus(options, identity, status, signal);
  }
}

function conflictsOf({ conflicts }: ReportOptions, { metadata: { namespace = '', name } }: MacvlanIdentity) {
  return conflicts?.ofIdentity({ namespace, name });
}

/** The holder with what is known of it by now; nothing when it is proved to be gone. */
function holderAfter(identity: MacvlanIdentity, facts: GroupFacts, plan: GroupPlan) {
  const { name } = identity.metadata;
  const known = identity.status?.holder;
  const seen = facts.holders.get(name);
  if (known === undefined || seen === undefined || seen.holder.uid !== known.uid) return known; // bound in this turn
  return plan.proofs.has(name) ? undefined : holderNow(seen);
}

/** Only if the identity is as it was seen: of two leaders, one gets a conflict. */
export async function writeStatus(
  { client, sight }: Pick<ReportOptions, 'client' | 'sight'>,
  identity: MacvlanIdentity,
  status: MacvlanIdentityStatus,
  signal: AbortSignal,
): Promise<void> {
  if (isEqual(status, identity.status)) return;
  const { namespace = '', name, resourceVersion } = identity.metadata;
  // A merge patch takes a field away that is null.
  const holder = status.holder === undefined ? null : { node: null, bootId: null, ...status.holder };
  const patch = { metadata: { resourceVersion }, status: { ...status, holder } };
  const options = { manager: MANAGER_CONTROLLER_STATUS, subresource: 'status', signal } as const;
  await sight.identities.through(`${namespace}/${name}`, () =>
    client.mergePatch(IDENTITY, { namespace, name }, patch, options),
  );
}

function tell({ events }: ReportOptions, { pod, reason, message, remedy }: Wait): void {
  const regarding = { ...pod, apiVersion: POD.apiVersion, kind: POD.kind };
  events.record({ regarding, type: 'Warning', reason, action: 'Binding', note: `${message} ${remedy}` });
}
