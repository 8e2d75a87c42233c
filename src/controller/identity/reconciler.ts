// One group of identities, from facts to effects: who is gone, who gets what, who waits. Everything interesting is in what it names.
import type { RawPins } from '../../api/names.ts';
import { IDENTITY } from '../../api/v1alpha1/identity.ts';
import { isGoing } from '../../domain/attachment/facts.ts';
import { type GroupFacts, type GroupPlan, planGroup, type Wait } from '../../domain/identity/plan.ts';
import { reclaimIn } from '../../domain/identity/reclaim.ts';
import type { Answer, Reconcile } from '../../kernel/controller/controller.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import type { EventRecorder } from '../../kernel/kube/events.ts';
import { type Clock, systemClock } from '../../kernel/process/clock.ts';
import { Binder } from './binder.ts';
import { Claims } from './claims.ts';
import type { Conflicts } from './conflict-sight.ts';
import { gatherGroup, type IdentitySight, isIdentityThere } from './gather.ts';
import { reportGroup } from './report.ts';
import { Seed } from './seed.ts';
import type { WaitingPods } from './waiting-pods.ts';

export interface IdentityPorts {
  readonly client: KubeClient;
  readonly sight: IdentitySight;
  readonly events: Pick<EventRecorder, 'record'>;
  /** Missing where nobody looks for any. */
  readonly conflicts?: Pick<Conflicts, 'ofIdentity'>;
  /** Told who waits, and why. */
  readonly waiting?: Pick<WaitingPods, 'note'>;
  /** The operator's own namespace, where the seed is. */
  readonly namespace: string;
  /** What the guards say of addresses on networks that are not ours. */
  readonly rawPins: RawPins;
  /** The wall clock. */
  readonly clock?: Clock;
}

/** What is known and decided in one turn. */
interface Turn {
  readonly facts: GroupFacts;
  readonly plan: GroupPlan;
  readonly waits: readonly Wait[];
}

/** Whoever waits for something that no watch tells is looked at again after this, in milliseconds. */
const LOOK_AGAIN_MS = 30_000;
/** Longer times are waited for in parts: a timer holds less than 25 days. */
const LONGEST_MS = 24 * 3600_000;

export function reconcileIdentities({
  client,
  sight,
  events,
  conflicts,
  waiting,
  namespace,
  rawPins,
  clock = systemClock,
}: IdentityPorts): Reconcile {
  const now = () => clock.now();
  const claims = new Claims({ client, stores: sight.stores, written: sight.claims });
  const seed = new Seed({ client, namespace, isInUse: () => sight.stores.claims.size > 0 });
  const binder = new Binder({ client, sight, claims, seed, rawPins, now });
  return async (key, signal) => {
    const facts = await gatherGroup(sight, key, signal);
    const plan = planGroup(facts);
    const unrecorded = await tidyUp(facts, plan, signal);
    const waits = [...plan.waits, ...(await bindAll(plan, signal))];
    waiting?.note(waits);
    const told = [...waits, ...unrecorded];
    const reporter = { client, sight, events, now, ...(conflicts && { conflicts }) };
    await reportGroup(reporter, { facts, plan, waits: told }, signal);
    return answerFor(told, await reclaim({ facts, plan, waits }, signal));
  };

  async function bindAll({ dismissals, bindings }: GroupPlan, signal: AbortSignal): Promise<readonly Wait[]> {
    const waits: Wait[] = [];
    for (const pod of dismissals) await binder.dismiss(pod, signal);
    for (const binding of bindings) {
      const wait = await binder.bind(binding, signal);
      if (wait !== undefined) waits.push(wait);
    }
    return waits;
  }

  /** What somebody deleted by mistake comes back; what nobody owns any more goes. Gives running pods that could not be recorded. */
  async function tidyUp(facts: GroupFacts, plan: GroupPlan, signal: AbortSignal): Promise<readonly Wait[]> {
    await giveUpOrphans(plan, signal);
    // Claims first: they are what keeps others off.
    for (const [identity, { pod, lastSeen }] of facts.holders) {
      const holder = pod ?? lastSeen;
      if (holder !== undefined) await binder.restoreClaims(holder, identity, signal);
    }
    const adoptions = isNamespaceGoing(sight, facts) ? [] : plan.adoptions;
    const unrecorded: Wait[] = [];
    for (const { pod, identity } of adoptions) {
      const refused = await binder.adopt(pod, identity, signal);
      if (refused !== undefined) unrecorded.push(refused);
    }
    return unrecorded;
  }

  async function giveUpOrphans({ orphans }: GroupPlan, signal: AbortSignal): Promise<void> {
    const isThere = new Map<string, boolean>();
    for (const claim of orphans) {
      const { identity } = claim.spec;
      const found = isThere.get(identity.name) ?? (await isIdentityThere(sight, identity, signal));
      isThere.set(identity.name, found);
      if (!found) await claims.giveUp(claim, signal);
    }
  }

  /** Deletes identities whose time has come; their claims follow when they are seen to be gone. */
  async function reclaim({ facts, plan, waits }: Turn, signal: AbortSignal): Promise<number | undefined> {
    const inUse = new Set([...waits, ...plan.adoptions].map(({ identity }) => identity));
    let next: number | undefined;
    for (const { metadata } of facts.identities) {
      const identity = sight.identities.get(`${facts.namespace}/${metadata.name}`);
      if (identity === undefined || inUse.has(metadata.name)) continue;
      const ms = reclaimIn(identity, now());
      if (ms === undefined) continue;
      if (ms > 0) next = Math.min(next ?? ms, ms);
      else await client.delete(IDENTITY, identity.metadata, { ...preconditionsOf(identity.metadata), signal });
    }
    return next;
  }
}

/** Not one that was made anew, or bound to a pod meanwhile. */
function preconditionsOf({ uid, resourceVersion }: { readonly uid?: string; readonly resourceVersion?: string }) {
  return { uid, resourceVersion };
}

function isNamespaceGoing({ stores }: IdentitySight, { namespace }: GroupFacts): boolean {
  const found = stores.namespaces.get(namespace);
  return found === undefined || isGoing(found);
}

function answerFor(waits: readonly Wait[], reclaimMs: number | undefined): Answer {
  const times = [...(waits.length > 0 ? [LOOK_AGAIN_MS] : []), ...(reclaimMs === undefined ? [] : [reclaimMs])];
  return times.length === 0 ? { type: 'done' } : { type: 'later', ms: Math.max(1, Math.min(LONGEST_MS, ...times)) };
}
