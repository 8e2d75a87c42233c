// Which nodes a pod takes by what it says itself: its node selector and its required node affinity, as the scheduler reads them.
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../../api/kube.ts';
import { hasLabels } from '../select.ts';

type Labels = Readonly<Record<string, string>>;

/** Whether the pod would take the node if that had these labels. Taints and resources are the scheduler's to judge. */
export function takesNode(pod: Pod, node: Node, labels: Labels = node.metadata.labels ?? {}): boolean {
  const affinity = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return (
    hasLabels(labels, pod.spec.nodeSelector ?? {}) &&
    (affinity === undefined || affinity.nodeSelectorTerms.some((term) => holds(term, node, labels)))
  );
}

/** A term that says nothing takes no node. */
function holds({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node, labels: Labels): boolean {
  const fields: Labels = { 'metadata.name': node.metadata.name };
  return (
    matchExpressions.length + matchFields.length > 0 &&
    matchExpressions.every((requirement) => meets(requirement, labels)) &&
    matchFields.every((requirement) => meets(requirement, fields))
  );
}

function meets({ key, operator = 'In', values = [] }: NodeSelectorRequirement, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return isNumber(value) && isNumber(values[0]) && Number(value) > Number(values[0]);
    case 'Lt':
      return isNumber(value) && isNumber(values[0]) && Number(value) < Number(values[0]);
    default:
      return false; // an operator of a newer scheduler: rather too few nodes than one that it would refuse
  }
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^[+-]?\d+$/.test(text);
}
