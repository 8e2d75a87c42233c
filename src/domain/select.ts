// Label queries: whether a selector, as Kubernetes defines it, takes an object with these labels.
import type { LabelSelector, LabelSelectorRequirement } from '../api/kube.ts';

type Labels = Readonly<Record<string, string>> | undefined;

/** Whether every wanted label is there with exactly the wanted value. An empty wish matches everything. */
export function hasLabels(labels: Labels, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => labels?.[key] === value);
}

/** Whether the selector takes an object with these labels. An empty selector takes everything. */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  return (
    hasLabels(labels, selector.matchLabels ?? {}) &&
    (selector.matchExpressions ?? []).every((requirement) => meets(requirement, labels))
  );
}

function meets(requirement: LabelSelectorRequirement, labels: Labels): boolean {
  const value = labels?.[requirement.key];
  const isListed = value !== undefined && (requirement.values ?? []).includes(value);
  switch (requirement.operator) {
    case 'In':
      return isListed;
    case 'NotIn':
      return !isListed; // also when the label is not there at all
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false; // an operator of a newer schema: take nothing rather than too much
  }
}
