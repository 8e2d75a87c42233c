// One attachment, from facts to effects. Everything interesting is in the pure functions that it names.
import { FINALIZER } from '../../api/names.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import { leftoverIn } from '../../domain/attachment/network-definition-metadata.ts';
import { type AttachmentPlan, planAttachment } from '../../domain/attachment/plan.ts';
import { judge } from '../../domain/attachment/verdict.ts';
import { diffObjects } from '../../domain/objects/diff.ts';
import type { Answer, Reconcile } from '../../kernel/controller/controller.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import { addFinalizer, removeFinalizer } from '../../kernel/kube/finalizers.ts';
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
    if (planAttachment(first).finalizer === 'Add' && first.attachment !== undefined) {
      const { attachment } = first; // held before the first effect
      await sight.attachments.through(name, () => addFinalizer(client, ATTACHMENT, attachment, FINALIZER));
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
