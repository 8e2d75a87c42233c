// One node: the label that brings an agent to it, the labels that say what is ready there, and the end of its MacvlanNodeState.
import { NODE, type Node } from '../../api/kube.ts';
import { MANAGER_CONTROLLER } from '../../api/names.ts';
import { NODE_STATE } from '../../api/v1alpha1/node-state.ts';
import {
  isLabelled,
  LINGER_MS,
  type NodeFacts,
  needsAgent,
  planNode,
} from '../../domain/attachment/node-membership.ts';
import type { Reconcile } from '../../kernel/controller/controller.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import { type Clock, monotonicClock } from '../../kernel/process/clock.ts';
import type { OwnWrites } from '../own-writes.ts';
import type { Stores } from '../stores.ts';

export interface NodePorts {
  readonly client: KubeClient;
  readonly stores: Stores;
  readonly written: OwnWrites<Node>;
  readonly clock?: Clock;
  /** How long a state stays after the label went, in milliseconds. */
  readonly lingerMs?: number;
}

export function reconcileNode(ports: NodePorts): Reconcile {
  const { client, written, clock = monotonicClock, lingerMs = LINGER_MS } = ports;
  const idle = new IdleTimes(clock);
  return async (name, signal) => {
    const facts = gather(ports, name, idle);
    const plan = planNode(facts, lingerMs);
    if (Object.keys(plan.labels).length > 0) {
      const patch = { metadata: { labels: plan.labels } };
      await written.through(name, () =>
        client.mergePatch(NODE, { name }, patch, { manager: MANAGER_CONTROLLER, signal }),
      );
    }
    if (plan.state === 'Delete') {
      await client.delete(NODE_STATE, { name }, { uid: facts.state?.metadata.uid, signal });
    }
    return plan.recheckMs === undefined ? { type: 'done' } : { type: 'later', ms: plan.recheckMs };
  };
}

function gather({ stores, written }: NodePorts, name: string, idle: IdleTimes): NodeFacts {
  const node = written.get(name);
  const facts = { node, attachments: stores.attachments.list(), state: stores.nodeStates.get(name), idleMs: 0 };
  const isIdle = node !== undefined && !isLabelled(node) && !needsAgent(facts, node);
  return { ...facts, idleMs: idle.update(name, isIdle ? facts.state?.metadata.uid : undefined) };
}

/**
 * Since when each node's state has been waiting for its end. Kept in memory alone: after a restart it begins again. A state
 * that an agent made anew has a new uid and its own time.
 */
class IdleTimes {
  readonly #clock: Clock;
  readonly #since = new Map<string, { readonly uid: string; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  update(name: string, stateUid: string | undefined): number {
    if (stateUid === undefined) {
      this.#since.delete(name);
      return 0;
    }
    const known = this.#since.get(name);
    const since = known?.uid === stateUid ? known : { uid: stateUid, at: this.#clock.now() };
    this.#since.set(name, since);
    return this.#clock.now() - since.at;
  }
}
