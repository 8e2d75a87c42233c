// How far the removal of an attachment has come, and what holds it up.
//
//   deleted ──▶ Draining ──(no pod attached, or force)──▶ Cleaning ──(no node has anything left)──▶ Released
//               all keeps working                        NADs go; agents take alias, shim, routes down
import type { Node } from '../../api/kube.ts';
import { ANNOTATION_FORCE, FINALIZER } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { NodePod } from '../../api/v1alpha1/node-state.ts';
import type { Problem } from '../problem.ts';
import type { AttachmentFacts, Holder, NodeReport } from './facts.ts';

/** Absent: no such attachment. Released: nothing of it is left anywhere, the finalizer may go. */
export type Stage = 'Absent' | 'Active' | 'Draining' | 'Cleaning' | 'Released';

/** A node that has not been Ready for this long does not hold up a deletion; its agent cleans up when it comes back. */
export const PATIENCE_MS = 10 * 60_000;
/** While pods hold up a deletion, they are asked again after this; their nodes' agents usually tell earlier that they went. */
export const ASK_AGAIN_MS = 10_000;
/** So many pods are named. */
export const PODS_SHOWN = 5;

/** Where the attachment stands. Cleaning never goes back to Draining: the NADs are gone by then. */
export function stageOf(facts: AttachmentFacts): Stage {
  const { attachment } = facts;
  if (attachment === undefined) return 'Absent';
  if (attachment.metadata.deletionTimestamp === undefined) return 'Active';
  if (attachment.metadata.finalizers?.includes(FINALIZER) !== true) return 'Released';
  if (dependsOnPods(attachment) && holdersOf(facts) > 0) return 'Draining';
  return uncleanNodes(facts).length > 0 ? 'Cleaning' : 'Released';
}

/** Whether the next step of a deletion depends on attached pods, so that they have to be asked. */
export function dependsOnPods(attachment: MacvlanAttachment): boolean {
  const { metadata, status } = attachment;
  const isHeld = metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(FINALIZER) === true;
  return isHeld && status?.phase !== 'Cleaning' && !isForced(attachment);
}

/** A pod with a link on the attachment, as the agent of a node tells it. Hearsay until the pod itself was asked. */
export interface Claim extends NodePod {
  readonly node: string;
}

/**
 * What the agents say about pods on this attachment, on nodes whose word still counts; sorted. There may be ten thousand of
 * them: say which are meant.
 */
export function claimedPods(facts: AttachmentFacts, isMeant: (pod: NodePod) => boolean): readonly Claim[] {
  return countingReports(facts)
    .flatMap(({ node, pods }) => pods.filter(isMeant).map((pod) => ({ ...pod, node })))
    .toSorted((a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name));
}

/** Of these, the ones that got a link, whatever became of it. */
export function claimedLinks(facts: AttachmentFacts): readonly Claim[] {
  return claimedPods(facts, gotLink);
}

function gotLink({ state }: NodePod): boolean {
  return state !== 'NeverAttached';
}

/** Attached pods: as they were found where they were asked, else as the agents say. A pod with several links is one pod. */
export function countPods(facts: AttachmentFacts): number {
  if (facts.holders !== 'NotAsked') return holdersOf(facts);
  const uids = new Set<string>();
  for (const { pods } of countingReports(facts)) for (const pod of pods) if (gotLink(pod)) uids.add(pod.uid);
  return uids.size;
}

/** Names of nodes that still have something of the attachment and whose word still counts; sorted. */
export function uncleanNodes(facts: AttachmentFacts): readonly string[] {
  return countingReports(facts)
    .filter((report) => report.entry !== undefined)
    .map((report) => report.node)
    .toSorted(compareText);
}

/** Why the deletion is not through yet. */
export function deletionProblems(facts: AttachmentFacts, stage: Stage): readonly Problem[] {
  if (stage === 'Draining') return [podsAttachedProblem(facts)];
  if (stage === 'Cleaning') return uncleanNodes(facts).map(nodeNotCleanProblem);
  return [];
}

/** When the next of the nodes that hold up the deletion runs out of patience, in milliseconds from now; or never. */
export function patienceLeft(facts: AttachmentFacts): number | undefined {
  const holders = facts.holders === 'NotAsked' ? [] : facts.holders.pods;
  const concerned = new Set([...facts.reports, ...holders].map(({ node }) => node));
  const left = facts.nodes
    .filter((node) => concerned.has(node.metadata.name))
    .map((node) => notReadySince(node))
    .filter((since) => since !== undefined)
    .map((since) => since + PATIENCE_MS - facts.now)
    .filter((ms) => ms > 0);
  return left.length === 0 ? undefined : Math.min(...left);
}

/** Since when the node has not been Ready, in milliseconds since 1970; nothing while it is. */
export function notReadySince(node: Node): number | undefined {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  if (ready === undefined || ready.status === 'True' || ready.lastTransitionTime === undefined) return undefined;
  return Date.parse(ready.lastTransitionTime);
}

/** Whether it may end although pods are attached. */
export function isForced(attachment: Pick<MacvlanAttachment, 'metadata'>): boolean {
  return attachment.metadata.annotations?.[ANNOTATION_FORCE] === 'true';
}

/** How many pods hold the deletion up. Nobody asked: too many to go on. */
function holdersOf(facts: AttachmentFacts): number {
  if (facts.holders === 'NotAsked') return Number.POSITIVE_INFINITY;
  return countingHolders(facts).length + facts.holders.more;
}

function countingHolders(facts: AttachmentFacts): readonly Holder[] {
  return facts.holders === 'NotAsked' ? [] : holdersThatCount(facts, facts.holders.pods);
}

/** Of attached pods, those that hold the deletion up: their node is there, and Ready or not for long without it. */
export function holdersThatCount(facts: AttachmentFacts, pods: readonly Holder[]): readonly Holder[] {
  return ofCountingNodes(facts, pods);
}

function countingReports(facts: AttachmentFacts): readonly NodeReport[] {
  return ofCountingNodes(facts, facts.reports);
}

/** What is on nodes that are there, and Ready or not for long without it. */
function ofCountingNodes<T extends { readonly node: string }>(facts: AttachmentFacts, things: readonly T[]): T[] {
  const byName = new Map(facts.nodes.map((node) => [node.metadata.name, node]));
  return things.filter((thing) => {
    const node = byName.get(thing.node);
    if (node === undefined) return false;
    const since = notReadySince(node);
    return since === undefined || facts.now - since < PATIENCE_MS;
  });
}

function podsAttachedProblem(facts: AttachmentFacts): Problem {
  if (facts.holders === 'NotAsked') return podsUnknownProblem;
  const names = countingHolders(facts).map((pod) => `${pod.namespace}/${pod.name}`);
  const left = holdersOf(facts) - Math.min(names.length, PODS_SHOWN);
  const more = left > 0 ? ` and ${left} more` : '';
  return {
    reason: 'PodsAttached',
    message: `Deletion waits for attached pods: ${names.slice(0, PODS_SHOWN).join(', ')}${more}.`,
    remedy: `Delete these pods, or annotate the attachment with ${ANNOTATION_FORCE}=true.`,
  };
}

const podsUnknownProblem: Problem = {
  reason: 'PodsAttached',
  message: 'Deletion waits: pods could not be asked whether they are attached.',
  remedy: "Look at the controller's log; it tries again by itself.",
};

function nodeNotCleanProblem(node: string): Problem {
  return {
    reason: 'NodeNotClean',
    message: `Node ${node} has not confirmed that nothing of the attachment is left on it.`,
    remedy: `Look at the agent on ${node}; a node that is not Ready for 10 minutes no longer counts.`,
    node,
  };
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
