// The agent's word to the cluster: writes the node's MacvlanNodeState when, and only when, there is something new to say.

import type { Node } from '../api/kube.ts';
import { API_VERSION, MANAGER_AGENT } from '../api/names.ts';
import { type MacvlanNodeState, type MacvlanNodeStateStatus, NODE_STATE } from '../api/v1alpha1/node-state.ts';
import { isEqual } from '../domain/objects/equal.ts';
import type { Answer } from '../kernel/controller/controller.ts';
import type { KubeClient } from '../kernel/kube/client.ts';
import { ApiError } from '../kernel/kube/transport.ts';

/** The writes that the reporter makes. */
export type StateClient = Pick<KubeClient, 'create' | 'apply'>;

export interface ReporterOptions {
  readonly client: StateClient;
  /** Called after each write that succeeded: what was held back for it may now be done. */
  readonly onWritten: () => void;
}

interface Wanted {
  readonly node: Node;
  readonly status: MacvlanNodeStateStatus;
}

/** Remembers what the API server holds and what is to be said, and writes the difference. */
export class Reporter {
  readonly #options: ReporterOptions;
  #current: MacvlanNodeState | undefined;
  /** The last write failed: it is tried again with what is to be said by then. */
  #isFailing = false;
  #wanted: Wanted | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** What the API server holds, as far as is known here: the last write, or what the watch said after it. */
  get current(): MacvlanNodeState | undefined {
    return this.#current;
  }

  /** Takes what the watch saw; nothing when the object is gone. */
  observe(state: MacvlanNodeState | undefined): void {
    this.#current = state;
  }

  /**
   * Takes what is to be said from now on. Returns whether a write has to be asked for: after one that failed, the next try is
   * on its way already, and asking would only spare it the pause.
   */
  publish(node: Node, status: MacvlanNodeStateStatus): boolean {
    this.#wanted = { node, status };
    return !this.#isFailing && this.#isNews(status);
  }

  /** Writes, if there is anything new. */
  async write(signal: AbortSignal): Promise<Answer> {
    const wanted = this.#wanted;
    // What comes in from here on is not in this write.
    this.#isFailing = false;
    if (wanted === undefined || !this.#isNews(wanted.status)) return { type: 'done' };
    try {
      await this.#write(wanted, signal);
    } catch (error) {
      this.#isFailing = true;
      throw error;
    }
    this.#options.onWritten();
    return { type: 'done' };
  }

  async #write(wanted: Wanted, signal: AbortSignal): Promise<void> {
    if (this.#current === undefined) await this.#create(wanted.node, signal);
    try {
      this.#current = await this.#options.client.apply(NODE_STATE, bodyFor(wanted.node, wanted.status), {
        manager: MANAGER_AGENT,
        subresource: 'status',
        // Nobody else has a say in what this agent sees.
        force: true,
        signal,
      });
    } catch (error) {
      // Deleted meanwhile: made anew by the next try.
      if (error instanceof ApiError && error.status === 404) this.#current = undefined;
      throw error;
    }
  }

  #isNews(status: MacvlanNodeStateStatus): boolean {
    if (this.#current !== undefined) return !isEqual(this.#current.status ?? {}, status);
    // A node without anything to tell needs no object; making one would fight with the controller that removes it.
    return (status.attachments ?? []).length > 0 || (status.shims ?? []).length > 0;
  }

  async #create(node: Node, signal: AbortSignal): Promise<void> {
    try {
      this.#current = await this.#options.client.create(NODE_STATE, objectFor(node), signal);
    } catch (error) {
      // It is there and the watch has not said so yet: as good as made.
      if (!(error instanceof ApiError && error.status === 409)) throw error;
    }
  }
}

/** The object without its status. It goes with the node. */
function objectFor(node: Node): MacvlanNodeState {
  const { name, uid = '' } = node.metadata;
  return {
    apiVersion: API_VERSION,
    kind: NODE_STATE.kind,
    metadata: { name, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] },
  };
}

function bodyFor(node: Node, status: MacvlanNodeStateStatus): MacvlanNodeState {
  return { apiVersion: API_VERSION, kind: NODE_STATE.kind, metadata: { name: node.metadata.name }, status };
}
