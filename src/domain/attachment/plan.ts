// What should exist for an attachment, and what is to be told about it: the one decision of its reconciler.
import type { NetworkAttachmentDefinition } from '../../api/multus.ts';
import { FINALIZER } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { Problem } from '../problem.ts';
import { ASK_AGAIN_MS, deletionProblems, patienceLeft, type Stage, stageOf } from './deletion.ts';
import { type AttachmentFacts, isGoing, wantsNamespace } from './facts.ts';
import { networkDefinitionFor } from './network-definition.ts';
import { hostAccessProblem, validateAttachment } from './validate.ts';

export interface AttachmentPlan {
  readonly stage: Stage;
  /** Add: before the first effect. Remove: after the last one has succeeded. */
  readonly finalizer: 'Add' | 'Keep' | 'Remove';
  /** Every NAD that should be there. Hold: leave what is there as it is. */
  readonly objects: readonly NetworkAttachmentDefinition[] | 'Hold';
  readonly problems: readonly Problem[];
  /** Milliseconds until time alone may change this plan; nothing when only events can. */
  readonly recheckMs: number | undefined;
}

/** Same facts, same plan. */
export function planAttachment(facts: AttachmentFacts): AttachmentPlan {
  const stage = stageOf(facts);
  const { attachment } = facts;
  if (attachment === undefined) return nothing(stage, facts);
  const problems = [...validateAttachment(attachment), ...asList(hostAccessProblem(attachment))];
  const isGoingAway = stage === 'Cleaning' || stage === 'Released';
  if (isGoingAway) return { ...nothing(stage, facts), problems: deletionProblems(facts, stage) };
  return {
    stage,
    finalizer: stage === 'Active' && attachment.metadata.finalizers?.includes(FINALIZER) !== true ? 'Add' : 'Keep',
    objects: objectsFor(attachment, facts),
    problems: [...problems, ...prerequisiteProblems(attachment, facts), ...deletionProblems(facts, stage)],
    recheckMs: stage === 'Draining' ? Math.min(ASK_AGAIN_MS, patienceLeft(facts) ?? ASK_AGAIN_MS) : undefined,
  };
}

/** Deleting is a plan with nothing in it. Without Multus' kind there is nothing to delete either. */
function nothing(stage: Stage, facts: AttachmentFacts): AttachmentPlan {
  return {
    stage,
    finalizer: stage === 'Released' ? 'Remove' : 'Keep',
    objects: facts.multus === 'Missing' ? 'Hold' : [],
    problems: [],
    recheckMs: stage === 'Cleaning' ? patienceLeft(facts) : undefined,
  };
}

function objectsFor(attachment: MacvlanAttachment, facts: AttachmentFacts): AttachmentPlan['objects'] {
  if (facts.multus === 'Missing') return 'Hold';
  // A spec that makes no sense must not take away what works: pods that restart meanwhile still find their NAD.
  if (validateAttachment(attachment).length > 0) return 'Hold';
  return facts.namespaces
    .filter((namespace) => wantsNamespace(attachment, namespace))
    .map((namespace) => namespace.metadata.name)
    .toSorted()
    .map((namespace) => networkDefinitionFor(attachment, namespace));
}

function prerequisiteProblems(attachment: MacvlanAttachment, facts: AttachmentFacts): readonly Problem[] {
  return [...(facts.multus === 'Missing' ? [multusMissing] : []), ...missingNamespaces(attachment, facts)];
}

const multusMissing: Problem = {
  reason: 'MultusMissing',
  message: 'The cluster has no NetworkAttachmentDefinitions: Multus is not installed.',
  remedy: 'Install Multus; the rest then follows by itself.',
};

function missingNamespaces(attachment: MacvlanAttachment, facts: AttachmentFacts): readonly Problem[] {
  const there = new Set(facts.namespaces.filter((n) => !isGoing(n)).map((n) => n.metadata.name));
  return (attachment.spec.namespaces.names ?? [])
    .filter((name) => !there.has(name))
    .toSorted()
    .map((namespace) => ({
      reason: 'NamespaceMissing',
      message: `Namespace ${namespace} does not exist.`,
      remedy: 'Create it, or take it out of spec.namespaces.names.',
      namespace,
    }));
}

function asList<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}
