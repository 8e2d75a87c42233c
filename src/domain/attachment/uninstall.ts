// What an uninstall has to do next, and what it waits for: the one decision of the hook that runs before the chart is removed.
//
//   pods attached? ──(none, or force)──▶ delete attachments ──▶ wait for the controller ──▶ wait for the nodes ──▶ done
import type { Node } from '../../api/kube.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { MacvlanNodeState } from '../../api/v1alpha1/node-state.ts';
import { isForced, notReadySince, PATIENCE_MS } from './deletion.ts';
import type { Holder } from './facts.ts';

export interface UninstallFacts {
  readonly attachments: readonly MacvlanAttachment[];
  /** Nodes with the label that brings an agent. */
  readonly nodes: readonly Node[];
  readonly states: readonly MacvlanNodeState[];
  /** Attached pods by attachment; empty where they do not count. */
  readonly pods: ReadonlyMap<string, readonly Holder[]>;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Force: attachments end although pods are attached. */
export type WhilePodsAttached = 'Refuse' | 'Force';

export interface AttachedPodOf extends Holder {
  readonly attachment: string;
}

export type UninstallStep =
  /** Nothing is deleted while these are attached. */
  | { readonly type: 'WaitForPods'; readonly pods: readonly AttachedPodOf[] }
  | { readonly type: 'Delete'; readonly attachments: readonly MacvlanAttachment[] }
  | { readonly type: 'Wait'; readonly forWhat: readonly string[] }
  /** `away`: nodes that could not be cleaned because they are not Ready. */
  | { readonly type: 'Done'; readonly away: readonly string[] };

/** Same facts, same step. */
export function planUninstall(facts: UninstallFacts, whilePodsAttached: WhilePodsAttached): UninstallStep {
  const pods = whilePodsAttached === 'Force' ? [] : podsInTheWay(facts);
  if (pods.length > 0) return { type: 'WaitForPods', pods };
  const due = facts.attachments.filter((attachment) => isDue(attachment, whilePodsAttached));
  if (due.length > 0) return { type: 'Delete', attachments: due };
  if (facts.attachments.length > 0) return { type: 'Wait', forWhat: facts.attachments.map(describe).toSorted() };
  const { waiting, away } = nodesLeft(facts);
  if (waiting.length === 0) return { type: 'Done', away };
  return { type: 'Wait', forWhat: waiting.map((node) => describeNode(node, facts.states)) };
}

/** Whether attached pods would keep it from ending. */
export function isHeldByPods(attachment: MacvlanAttachment): boolean {
  return !isForced(attachment) && attachment.status?.phase !== 'Cleaning';
}

function isDue(attachment: MacvlanAttachment, whilePodsAttached: WhilePodsAttached): boolean {
  const { deletionTimestamp } = attachment.metadata;
  return deletionTimestamp === undefined || (whilePodsAttached === 'Force' && !isForced(attachment));
}

/** The rule of the controller: attached pods hold an attachment, unless it says force, or their node has long been away. */
function podsInTheWay({ attachments, pods, nodes, now }: UninstallFacts): readonly AttachedPodOf[] {
  const there = new Set(nodes.filter((node) => !isAway(node, now - PATIENCE_MS)).map((node) => node.metadata.name));
  return attachments
    .filter(isHeldByPods)
    .map((attachment) => attachment.metadata.name)
    .toSorted()
    .flatMap((attachment) => (pods.get(attachment) ?? []).map((pod) => ({ ...pod, attachment })))
    .filter((pod) => there.has(pod.node));
}

/** The controller takes the label off and deletes the state when a node is clean; the state goes last. */
function nodesLeft({ nodes, states, now }: UninstallFacts) {
  const away = nodes.filter((node) => isAway(node, now)).map((node) => node.metadata.name);
  const left = new Set(
    [...nodes, ...states].map((object) => object.metadata.name).filter((name) => !away.includes(name)),
  );
  return { waiting: [...left].toSorted(), away: away.toSorted() };
}

/** Pods with a lease hold their node whatever was forced: without the DHCP daemon they could not even be deleted. */
function describeNode(name: string, states: readonly MacvlanNodeState[]): string {
  const links = states.find(({ metadata }) => metadata.name === name)?.status?.dhcp?.links ?? 0;
  if (links === 0) return `node ${name}`;
  return `node ${name}, where ${links === 1 ? 'a pod has its address' : `${links} links have their addresses`} through the DHCP daemon`;
}

/** Whether the node has not been Ready since then. */
function isAway(node: Node, since: number): boolean {
  return (notReadySince(node) ?? Number.POSITIVE_INFINITY) <= since;
}

function describe({ metadata, status }: MacvlanAttachment): string {
  const why = (status?.problems ?? []).map((problem) => problem.message).join(' ');
  return `attachment ${metadata.name} (${status?.phase ?? 'not seen by the controller'})${why === '' ? '' : `: ${why}`}`;
}
