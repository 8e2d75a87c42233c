// Everything that there is to tell about an attachment, put together once: the plan, what came of it, what the nodes say.
import type { ProblemStatus } from '../../api/v1alpha1/attachment-status.ts';
import { conflictProblem } from '../identity/conflict-text.ts';
import { overlapProblem } from '../identity/overlap.ts';
import type { Problem } from '../problem.ts';
import { steadyText } from '../steady-text.ts';
import type { AttachmentFacts } from './facts.ts';
import { type NodeView, viewNodes } from './node-view.ts';
import type { AttachmentPlan } from './plan.ts';
import { type PodView, viewPods } from './pod-view.ts';
import { sortProblems } from './problem-order.ts';

/** What came of applying the plan. */
export interface Outcome {
  /** Namespaces where a NAD of that name exists that is not ours. */
  readonly taken: readonly string[];
  readonly failures: readonly Failure[];
}

/** A write that the API server did not take. */
export interface Failure {
  readonly namespace?: string;
  readonly message: string;
}

export interface Verdict {
  readonly facts: AttachmentFacts;
  readonly plan: AttachmentPlan;
  readonly outcome: Outcome;
  readonly nodes: NodeView;
  readonly pods: PodView;
  /** Sorted. */
  readonly problems: readonly ProblemStatus[];
}

export function judge(facts: AttachmentFacts, plan: AttachmentPlan, outcome: Outcome): Verdict {
  const nodes = viewNodes(facts);
  const pods = viewPods(facts);
  const problems = [
    ...plan.problems,
    ...outcome.taken.map((namespace) => nameTakenProblem(facts.name, namespace)),
    ...outcome.failures.map(applyFailedProblem),
    // What a node reports while it takes the attachment down is no news about the attachment.
    ...(isGoingAway(plan) ? [] : [...nodes.problems, ...pods.problems, ...overlapsIn(facts), ...conflictsIn(facts)]),
  ];
  return { facts, plan, outcome, nodes, pods, problems: sortProblems(problems) };
}

/** Its NADs are not wanted any more. */
export function isGoingAway(plan: AttachmentPlan): boolean {
  return plan.stage === 'Cleaning' || plan.stage === 'Released' || plan.stage === 'Absent';
}

function overlapsIn({ attachment, olderPools = [] }: AttachmentFacts): readonly Problem[] {
  const problem = attachment === undefined ? undefined : overlapProblem(attachment, olderPools);
  return problem === undefined ? [] : [problem];
}

function conflictsIn({ conflicts = [] }: AttachmentFacts): readonly Problem[] {
  const problem = conflictProblem(conflicts);
  return problem === undefined ? [] : [problem];
}

function nameTakenProblem(name: string, namespace: string): Problem {
  return {
    reason: 'NameTaken',
    message: `NetworkAttachmentDefinition ${namespace}/${name} exists and was not made by this operator; it is left alone.`,
    remedy: 'Delete or rename it, or give the attachment another name.',
    namespace,
  };
}

function applyFailedProblem(failure: Failure): Problem {
  return {
    reason: 'ApplyFailed',
    message: steadyText(failure.message),
    remedy: "Look at the controller's log; it tries again by itself.",
    ...(failure.namespace === undefined ? {} : { namespace: failure.namespace }),
  };
}
