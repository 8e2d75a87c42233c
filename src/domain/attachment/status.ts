// What the user reads in the status: conditions with their times, counts, and the first few problems.
import type { Condition } from '../../api/kube.ts';
import { CONDITIONS } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { MacvlanAttachmentStatus } from '../../api/v1alpha1/attachment-status.ts';
import { conditionAfter, findCondition } from '../objects/conditions.ts';
import { aliasFor } from './alias.ts';
import { answersFor } from './attachment-conditions.ts';
import { isGoingAway, type Verdict } from './verdict.ts';

const PROBLEMS_SHOWN = 10;

/** The status as it should be read now; equal to the one there is when there is no news. */
export function statusFor(attachment: MacvlanAttachment, verdict: Verdict): MacvlanAttachmentStatus {
  const { nodes, pods, problems } = verdict;
  return {
    ...(attachment.metadata.generation === undefined ? {} : { observedGeneration: attachment.metadata.generation }),
    phase: phaseFor(verdict),
    alias: aliasFor(attachment.metadata.name),
    conditions: conditionsFor(attachment, verdict),
    nodes: { matched: nodes.matched, ready: nodes.ready, degraded: nodes.degraded },
    namespaces: namespacesWithNad(verdict),
    pods: { attached: pods.attached, ghost: pods.ghost, stale: pods.stale },
    summary: `${nodes.ready}/${nodes.matched}`,
    ...(problems.length === 0 ? {} : { problems: problems.slice(0, PROBLEMS_SHOWN) }),
  };
}

function phaseFor({ plan, outcome }: Verdict): 'Active' | 'Draining' | 'Cleaning' {
  if (plan.stage === 'Draining') return 'Draining';
  if (!isGoingAway(plan)) return 'Active';
  // Agents take the nodes down at this word, so it must not be said before the NADs are gone.
  return outcome.failures.length === 0 ? 'Cleaning' : 'Draining';
}

function conditionsFor(attachment: MacvlanAttachment, verdict: Verdict): readonly Condition[] {
  const answers = answersFor(verdict);
  const { generation } = attachment.metadata;
  const about = generation === undefined ? {} : { observedGeneration: generation };
  return CONDITIONS.map((type) => {
    const before = findCondition(attachment.status?.conditions, type);
    return conditionAfter(before, { type, ...answers[type], ...about }, verdict.facts.now);
  });
}

function namespacesWithNad({ facts, plan, outcome }: Verdict): number {
  if (facts.multus === 'Missing') return 0;
  if (plan.objects === 'Hold') return facts.owned.length;
  const failed = new Set([...outcome.taken, ...outcome.failures.map((failure) => failure.namespace)]);
  return plan.objects.filter((object) => !failed.has(object.metadata.namespace)).length;
}
