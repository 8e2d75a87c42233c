// What the nodes say about one attachment, counted: their agents' reports against the nodes that the attachment selects.
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { ProblemStatus } from '../../api/v1alpha1/attachment-status.ts';
import type { NodeAttachment } from '../../api/v1alpha1/node-state.ts';
import type { Problem } from '../problem.ts';
import { type AttachmentFacts, matchesNode, ofThisBoot } from './facts.ts';
import { aspectOf } from './problem-order.ts';

export interface NodeView {
  readonly matched: number;
  /** Parent verified and, where wanted, shim up, for the spec as it is now. */
  readonly ready: number;
  /** With a problem of their own. */
  readonly degraded: number;
  /** Parent verified for the spec as it is now. */
  readonly parentsReady: number;
  /** Shim up. Counted only where host access is wanted. */
  readonly shimsReady: number;
  readonly problems: readonly ProblemStatus[];
}

/** Counts the nodes that the attachment selects by what is known of them. */
export function viewNodes(facts: AttachmentFacts): NodeView {
  const { attachment } = facts;
  const matched = attachment === undefined ? [] : matchedNodes(attachment, facts);
  // What was said about a predecessor of the same name is no answer, nor is what was said before the node was booted.
  const own = ofThisBoot(facts).reports.filter(({ entry }) => entry?.uid === attachment?.metadata.uid);
  const entries = new Map(own.map((report) => [report.node, report.entry]));
  const before = new Set(facts.reports.filter((report) => report.isOfEarlierBoot).map(({ node }) => node));
  const states = matched.map((node) => {
    const entry = entries.get(node);
    if (entry === undefined)
      return {
        ...unknownStanding,
        node,
        problems: [agentSilent(node, before.has(node) ? 'since the node was booted' : undefined)],
      };
    return stateOf(node, entry, attachment?.metadata.generation);
  });
  return {
    matched: matched.length,
    ready: states.filter((state) => state.isReady).length,
    degraded: states.filter((state) => state.isDegraded).length,
    parentsReady: states.filter((state) => state.hasParent).length,
    shimsReady: states.filter((state) => state.hasShim).length,
    problems: [...(matched.length === 0 ? [noNodeMatches] : []), ...states.flatMap((state) => state.problems)],
  };
}

interface NodeStanding {
  readonly node: string;
  readonly isReady: boolean;
  readonly isDegraded: boolean;
  readonly hasParent: boolean;
  readonly hasShim: boolean;
  readonly problems: readonly ProblemStatus[];
}

function stateOf(node: string, entry: NodeAttachment, generation: number | undefined): NodeStanding {
  const problems = (entry.problems ?? []).map((problem) => ({ ...problem, node }));
  // What an agent says about an older spec is no answer to the present one.
  const isCurrent = (entry.observedGeneration ?? generation) === generation;
  const isReady = isCurrent && entry.phase === 'Ready';
  return {
    node,
    isReady,
    isDegraded: entry.phase === 'Failed' || problems.some(({ severity }) => severity !== 'Warning'),
    hasParent: isReady || (isCurrent && isVerified(entry)),
    hasShim: isCurrent && entry.hostAccess === 'Ready',
    problems,
  };
}

const unknownStanding = { isReady: false, isDegraded: false, hasParent: false, hasShim: false };

/** A node may have failed over its shim or its DHCP daemon alone: its NIC is verified all the same. */
function isVerified(entry: NodeAttachment): boolean {
  if (entry.phase !== 'Failed' || entry.incarnation === undefined) return false;
  const isOther = ({ reason, severity }: ProblemStatus) => aspectOf(reason, severity) !== 'ParentsReady';
  return entry.hostAccess === 'Failed' || (entry.problems ?? []).every(isOther);
}

function matchedNodes(attachment: MacvlanAttachment, facts: AttachmentFacts): readonly string[] {
  return facts.nodes
    .filter((node) => matchesNode(attachment, node))
    .map((node) => node.metadata.name)
    .toSorted();
}

const noNodeMatches: Problem = {
  reason: 'NoNodeMatches',
  message: 'No node of the cluster has the labels that spec.nodeSelector asks for.',
  remedy: 'Label a node, or change spec.nodeSelector.',
};

/** @param since what has happened that makes its last word void, if it has ever spoken */
function agentSilent(node: string, since: string | undefined): Problem {
  return {
    reason: 'AgentSilent',
    message: `The agent of node ${node} has not reported ${since ?? 'yet'}.`,
    remedy: `Give it a few seconds; then look at the macvlan-agent pod of ${node}.`,
    node,
  };
}
