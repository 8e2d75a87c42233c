// What the agent counts besides what every process does: the links of its node's pods, by what has become of them.
import type { Registry } from 'prom-client';
import Gauge from 'prom-client/lib/gauge.js';
import type { MacvlanNodeState, NodePod } from '../api/v1alpha1/node-state.ts';

const STATES: readonly NodePod['state'][] = ['Attached', 'Ghost', 'Repaired', 'Stale', 'NeverAttached'];

/** @param state what was last reported of the node */
export function registerPodMetrics(registry: Registry, state: () => MacvlanNodeState | undefined): void {
  new Gauge({
    name: 'macvlan_agent_pod_links',
    help: "Links of the node's pods on attachments, by state: Attached, Ghost, Repaired, Stale, NeverAttached.",
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const name of STATES) this.set({ state: name }, 0);
      for (const pod of state()?.status?.pods ?? []) this.inc({ state: pod.state });
    },
  });
}
