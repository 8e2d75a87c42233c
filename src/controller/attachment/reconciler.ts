// One attachment, from facts to effects. Everything interesting is in the pure functions that it names.
import { FINALIZER } from '../../api/names.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { AttachmentFacts } from '../../domain/attachment/facts.ts';
import { leftoverIn } from '../../domain/attachment/network-definition-metadata.ts';
import { type AttachmentPlan, planAttachment } from '../../domain/attachment/plan.ts';
import { judge } from '../../domain/attachment/verdict.ts';
import { diffObjects } from '../../domain/objects/diff.ts';
import type { Answer, Reconcile } from '../../kernel/controller/controller.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import { addFinalizer, removeFinalizer } from '../../kernel/kube/finalizers.ts';
import { ApiError } from '../../kernel/kube/transport.ts';
import { type Clock, systemClock } from '../../kernel/process/clock.ts';
import type { Applied, Applier } from './apply.ts';
import { gatherAttachment, type Sight } from './gather.ts';
import type { HolderSearch } from './holders.ts';
import type { Reporter } from './report.ts';

export interface AttachmentPorts {
  readonly client: KubeClient;
  readonly sight: Sight;
  readonly holders: HolderSearch;
  readonly applier: Applier;
  readonly reporter: Reporter;
  /** The wall clock: conditions and patience are in dates. */
  readonly clock?: Clock;
}

export function reconcileAttachment(ports: AttachmentPorts): Reconcile {
  const { client, sight, holders, applier, reporter, clock = systemClock } = ports;
  return async (name, signal) => {
    const first = gatherAttachment(sight, name, clock.now());
    const refusal = await hold(ports, first); // before the first effect
    if (refusal !== undefined && first.attachment !== undefined) {
      const verdict = judge(first, planAttachment(first), refusal);
      await reporter.report(first.attachment, verdict, signal);
      return { type: 'retry', error: refusal.error };
    }
    const { facts, error } = await holders.complete(gatherAttachment(sight, name, clock.now()), signal);
    const plan = planAttachment(facts);
    const actions = plan.objects === 'Hold' ? [] : diffObjects(plan.objects, facts.owned, leftoverIn);
    const applied = await applier.apply(actions, signal);
    if (facts.attachment === undefined || isReleased(plan, applied)) {
      reporter.forget(name);
      if (facts.attachment !== undefined) await release(client, facts.attachment);
      return answerFor(applied, []);
    }
    const verdict = judge(facts, plan, applied);
    const recheckMs = await reporter.report(facts.attachment, verdict, signal);
    return answerFor({ error, ...applied }, [plan.recheckMs, recheckMs]);
  };
}

/** Puts the finalizer on where it belongs and is not. Gives what there is to tell when the API server does not take it. */
async function hold({ client, sight }: AttachmentPorts, facts: AttachmentFacts): Promise<Applied | undefined> {
  const { name, attachment } = facts;
  if (planAttachment(facts).finalizer !== 'Add' || attachment === undefined) return undefined;
  try {
    await sight.attachments.through(name, () => addFinalizer(client, ATTACHMENT, attachment, FINALIZER));
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiError) || error.status === 409) throw error;
    return { taken: [], failures: [{ message: `putting the finalizer on: ${error.message}` }], error };
  }
}

/** Nothing is left on any node, and the NADs went: only then may the attachment itself go. */
function isReleased(plan: AttachmentPlan, applied: Applied): boolean {
  return plan.finalizer === 'Remove' && applied.error === undefined;
}

async function release(client: KubeClient, attachment: MacvlanAttachment): Promise<void> {
  await removeFinalizer(client, ATTACHMENT, attachment, FINALIZER);
}

function answerFor(applied: Pick<Applied, 'error'>, rechecks: readonly (number | undefined)[]): Answer {
  if (applied.error !== undefined) return { type: 'retry', error: applied.error };
  const waits = rechecks.filter((ms) => ms !== undefined);
  return waits.length === 0 ? { type: 'done' } : { type: 'later', ms: Math.max(1, Math.min(...waits)) };
}
