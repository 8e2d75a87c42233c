// Where a pod with an identity may go: the nodes that it takes itself, narrowed to those where its attachments are ready.
import type { Node, Pod } from '../../api/kube.ts';
import { READY } from '../../api/names.ts';
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import { matchesNode } from '../attachment/facts.ts';
import { readyLabelFor } from '../attachment/ready-labels.ts';
import { hasLabels } from '../select.ts';
import { takesNode } from './node-selection.ts';
import type { Refusal } from './reason.ts';

export interface PlacementFacts {
  readonly pod: Pod;
  /** Those of the pod's links; one may be there several times. */
  readonly attachments: readonly MacvlanAttachment[];
  readonly nodes: readonly Node[];
}

/** Labels for the pod's node selector, besides those that it has. */
export type Placement = Readonly<Record<string, string>>;

/** A node that is not ready is said with its reason, so many of them; of the others, how many they are. */
const NODES_SAID = 3;

/** What narrows the pod, or why no node would be left. Nothing to add where no attachment says `Require`. */
export function placementFor({ pod, attachments, nodes }: PlacementFacts): Placement | Refusal {
  const required = [...new Set(attachments)].filter(({ spec }) => spec.placement?.type === 'Require');
  if (required.length === 0) return {};
  const labels = Object.fromEntries(required.map(({ metadata: { name } }) => [readyLabelFor(name), READY]));
  const own = pod.spec.nodeSelector ?? {};
  const opposed = Object.keys(labels).find((key) => own[key] !== undefined && own[key] !== READY);
  if (opposed !== undefined) return contradiction(`The pod selects nodes with ${opposed}: ${own[opposed]}.`);
  // As if every parent were ready: what is left of the nodes then is up to the parents.
  const taken = nodes.filter((node) => takesNode(pod, node, { ...node.metadata.labels, ...labels }));
  if (taken.length === 0) return contradiction('No node fits the nodeSelector and the affinity of the pod.');
  const common = taken.filter((node) => required.every((attachment) => matchesNode(attachment, node)));
  if (common.length === 0) return excluded(taken, required);
  const isReady = (node: Node) => takesNode(pod, node) && hasLabels(node.metadata.labels, labels);
  if (!common.some(isReady)) return notReady(common, required);
  return Object.fromEntries(Object.entries(labels).filter(([key]) => own[key] === undefined));
}

function contradiction(message: string): Refusal {
  return {
    reason: 'PlacementContradicts',
    message,
    remedy: 'Change the nodeSelector or the affinity in the template of the pod, or leave them out.',
  };
}

function excluded(taken: readonly Node[], required: readonly MacvlanAttachment[]): Refusal {
  const names = required.map(({ metadata }) => metadata.name).join(' and ');
  return {
    reason: 'PlacementContradicts',
    message: `By its own nodeSelector and affinity the pod goes to ${listed(taken)}, and none of these takes part in attachment ${names}.`,
    remedy: `Change what the pod selects, or spec.nodeSelector of MacvlanAttachment ${names}.`,
  };
}

function notReady(nodes: readonly Node[], required: readonly MacvlanAttachment[]): Refusal {
  const reasons = nodes
    .slice(0, NODES_SAID)
    .flatMap((node) => required.flatMap((attachment) => whyNot(attachment, node) ?? []));
  const more = nodes.length > NODES_SAID ? ` ${nodes.length - NODES_SAID} more nodes are not ready either.` : '';
  return {
    reason: 'NoNodeReady',
    message: `No node that the pod may go to is ready for it. ${reasons.join(' ')}${more}`,
    remedy: `It goes on when one is; see kubectl describe mva ${required.map(({ metadata }) => metadata.name).join(' ')}.`,
  };
}

/** From the attachment's status, which has it from the node's agent. */
function whyNot({ metadata: { name }, status }: MacvlanAttachment, node: Node): string | undefined {
  if (node.metadata.labels?.[readyLabelFor(name)] === READY) return undefined;
  const where = `${name} on ${node.metadata.name}`;
  const problem = status?.problems?.find((candidate) => candidate.node === node.metadata.name);
  return problem === undefined ? `${where}: not ready yet.` : `${where}: ${problem.reason}, ${problem.message}`;
}

function listed(nodes: readonly Node[]): string {
  const names = nodes.slice(0, NODES_SAID).map(({ metadata }) => metadata.name);
  const more = nodes.length > NODES_SAID ? ` and ${nodes.length - NODES_SAID} more nodes` : '';
  return `${names.join(', ')}${more}`;
}
