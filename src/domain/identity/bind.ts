// The binding of a pod as one JSON patch: all of it happens, or nothing, and only to the pod as it was seen.
import type { Pod } from '../../api/kube.ts';
import { ANNOTATION_NETWORKS } from '../../api/multus.ts';
import { ANNOTATION_BOUND, BOUND, GATE_IDENTITY, LABEL_GATED } from '../../api/names.ts';
import type { Placement } from './placement.ts';

/** One step of a JSON patch (RFC 6902). */
export type PatchStep =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** What a binding writes into the pod. */
export interface Bound {
  readonly identity: string;
  /** The networks annotation. */
  readonly networks: string;
  /** Labels to add to its node selector. */
  readonly placement: Placement;
}

/** The pod gets its addresses and is let go. Gates of others stay. */
export function bindingPatch(pod: Pod, { identity, networks, placement }: Bound): readonly PatchStep[] {
  return [
    seenVersion(pod),
    { op: 'replace', path: annotationPath(ANNOTATION_NETWORKS), value: networks },
    { op: 'add', path: annotationPath(ANNOTATION_BOUND), value: identity },
    { op: 'replace', path: labelPath(LABEL_GATED), value: BOUND },
    ...narrowing(pod, placement),
    ...gateRemoval(pod),
  ];
}

/** The pod needs nothing of us: it is let go as it is, and looked at no more. */
export function dismissalPatch(pod: Pod): readonly PatchStep[] {
  return [seenVersion(pod), { op: 'remove', path: labelPath(LABEL_GATED) }, ...gateRemoval(pod)];
}

function seenVersion({ metadata }: Pod): PatchStep {
  return { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion ?? '' };
}

/** Labels are added to those that the pod selects by; while a gate holds it, the API server lets nobody change them. */
function narrowing({ spec }: Pod, placement: Placement): readonly PatchStep[] {
  const entries = Object.entries(placement);
  if (entries.length === 0) return [];
  if (spec.nodeSelector === undefined) return [{ op: 'add', path: '/spec/nodeSelector', value: placement }];
  return entries.map(([key, value]) => ({ op: 'add', path: `/spec/nodeSelector/${escapePointer(key)}`, value }));
}

/** By its place in the list: removing the list would let pods go that wait for somebody else. */
function gateRemoval(pod: Pod): readonly PatchStep[] {
  const index = pod.spec.schedulingGates?.findIndex((gate) => gate.name === GATE_IDENTITY) ?? -1;
  const path = `/spec/schedulingGates/${index}`;
  return index < 0
    ? []
    : [
        { op: 'test', path: `${path}/name`, value: GATE_IDENTITY },
        { op: 'remove', path },
      ];
}

function annotationPath(key: string): string {
  return `/metadata/annotations/${escapePointer(key)}`;
}

function labelPath(key: string): string {
  return `/metadata/labels/${escapePointer(key)}`;
}

function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
