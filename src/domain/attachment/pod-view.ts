// What the nodes say about the pods on one attachment, counted: who has the link, and who runs without it.
import type { ProblemStatus } from '../../api/v1alpha1/attachment-status.ts';
import type { NodePod } from '../../api/v1alpha1/node-state.ts';
import type { ProblemCode } from '../problem.ts';
import { type Claim, claimedPods, countPods, PODS_SHOWN } from './deletion.ts';
import { type AttachmentFacts, ofThisBoot } from './facts.ts';

export interface PodView {
  /** Pods that were given a link. */
  readonly attached: number;
  /** Of these, the ones whose link vanished. */
  readonly ghost: number;
  /** Of these, the ones with older settings. */
  readonly stale: number;
  readonly problems: readonly ProblemStatus[];
}

/** A pod with several links is one pod, in each state that one of its links has. */
export function viewPods(all: AttachmentFacts): PodView {
  const facts = ofThisBoot(all);
  const claims = claimedPods(facts, ({ state }) => state !== 'Attached'); // those that are as they should be are counted
  const inState = (state: NodePod['state']) => claims.filter((claim) => claim.state === state);
  const ghosts = inState('Ghost');
  return {
    attached: countPods(facts),
    ghost: countUids(ghosts),
    stale: countUids(inState('Stale')),
    problems: [
      ...perNode(ghosts.filter(({ problem }) => problem === undefined)).map((group) => ghostProblem(group, facts)),
      ...ghosts.flatMap(refusalOf),
      ...perNode(inState('NeverAttached')).map(neverAttachedProblem),
    ],
  };
}

interface Group {
  readonly node: string;
  readonly pods: readonly Claim[];
}

function perNode(claims: readonly Claim[]): readonly Group[] {
  const nodes = [...new Set(claims.map(({ node }) => node))].sort();
  return nodes.map((node) => ({ node, pods: claims.filter((claim) => claim.node === node) }));
}

/** What becomes of a ghost, by what the attachment wants. */
const REMEDIES = {
  Report: 'Delete the pods, so that new ones are attached; or let repair do it: spec.repair.type InPlace or Recreate.',
  InPlace: 'Nothing to do once the NIC is back: the links are then made again in the running pods.',
  Recreate:
    'Nothing to do once the NIC is back: pods that have an owner are then evicted, as far as disruption budgets allow.',
} as const;

function ghostProblem({ node, pods }: Group, facts: AttachmentFacts): ProblemStatus {
  const remedy = REMEDIES[facts.attachment?.spec.repair?.type ?? 'Report'];
  return problem('PodGhost', `On ${node} the link vanished from ${named(pods)}.`, remedy, node);
}

function neverAttachedProblem({ node, pods }: Group): ProblemStatus {
  const remedy =
    'Delete the pods, so that new ones are attached. Pods with hostNetwork never are: they are on the LAN already.';
  return problem(
    'PodNeverAttached',
    `On ${node}, without ever having got the link that they ask for: ${named(pods)}.`,
    remedy,
    node,
  );
}

/** In the agent's words, with the pod's name in front. */
function refusalOf({ namespace, name, node, problem: refusal }: Claim): readonly ProblemStatus[] {
  return refusal === undefined ? [] : [{ ...refusal, message: `${namespace}/${name}: ${refusal.message}`, node }];
}

function named(pods: readonly Claim[]): string {
  const names = [...new Set(pods.map(({ namespace, name }) => `${namespace}/${name}`))];
  const more = names.length - PODS_SHOWN;
  return `${names.slice(0, PODS_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function problem(reason: ProblemCode, message: string, remedy: string, node: string): ProblemStatus {
  return { reason, message, remedy, node };
}

function countUids(claims: readonly Claim[]): number {
  return new Set(claims.map(({ uid }) => uid)).size;
}
