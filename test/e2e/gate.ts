// The scheduling gate of a pod that asks for an identity: added by a policy of the chart, or before Kubernetes 1.36 by the user.
import { GATE_IDENTITY, GATED, LABEL_GATED } from '../../src/api/names.ts';
import { hasMutatingPolicies, kubernetesRelease } from '../cluster/kubernetes.ts';

/** A pod, or the template of one, as far as the gate is concerned. */
export interface GateTarget {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>>; readonly annotations?: object };
  readonly spec: object;
}

/** As a user of this cluster's Kubernetes writes it: with gate and label by hand where no policy can add them. */
export function asWritten<T extends GateTarget>(pod: T, isByHand = !hasMutatingPolicies(kubernetesRelease())): T {
  if (!isByHand) return pod;
  const labels = { ...pod.metadata.labels, [LABEL_GATED]: GATED };
  const spec = { ...pod.spec, schedulingGates: [{ name: GATE_IDENTITY }] };
  return { ...pod, metadata: { ...pod.metadata, labels }, spec };
}
