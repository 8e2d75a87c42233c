// What the agent counts besides what every process does: the links of its node's pods, by what has become of them.
import type { Registry } from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import type { MacvlanNodeState, NodePod } from '../api/v1alpha1/node-state.ts';
import type { Hint } from './ports.ts';

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

/** Counts how often events of the kernel were lost. Returns what is to be told of every hint. */
export function registerHintMetrics(registry: Registry): (hint: Hint) => void {
  const lost = new Counter({
    name: 'macvlan_agent_kernel_events_lost_total',
    help: 'How often the kernel had more to tell than there was room for; each time, everything is looked at anew.',
    registers: [registry],
  });
  return (hint) => {
    if (hint.type === 'Lost') lost.inc();
  };
}
