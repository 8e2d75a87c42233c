// Pods that wait for their identity: since when, and why. For metrics only; decisions are made from the pods themselves.
import type { Pod } from '../../api/kube.ts';
import { boundTo } from '../../domain/identity/adopt.ts';
import { isWaiting } from '../../domain/identity/key.ts';
import type { Wait } from '../../domain/identity/plan.ts';
import { type Clock, monotonicClock } from '../../kernel/process/clock.ts';
import type { Change, Store } from '../../kernel/watch/store.ts';

/** Its turn has not come yet. */
export const NOT_LOOKED_AT = 'Pending';

export class WaitingPods {
  readonly #pods: Store<Pod>;
  readonly #clock: Clock;
  /** By uid, in milliseconds. */
  readonly #since = new Map<string, number>();
  readonly #reasons = new Map<string, string>();
  #bound: (seconds: number) => void = () => {};

  constructor(pods: Store<Pod>, clock: Clock = monotonicClock) {
    this.#pods = pods;
    this.#clock = clock;
    pods.onChange((change) => this.#observe(change));
  }

  /** Calls `handler` for each pod that is bound, with the time since it was first seen to wait. */
  onBound(handler: (seconds: number) => void): void {
    this.#bound = handler;
  }

  /** What came of a turn. */
  note(waits: readonly Wait[]): void {
    for (const { pod, reason } of waits) {
      const uid = pod.metadata.uid ?? '';
      if (this.#since.has(uid)) this.#reasons.set(uid, reason);
    }
  }

  /** How many wait, by reason. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { metadata } of this.#pods.by('waiting', 'all')) {
      const reason = this.#reasons.get(metadata.uid ?? '') ?? NOT_LOOKED_AT;
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    return counts;
  }

  #observe({ old, current }: Change<Pod>): void {
    const uid = (current ?? old)?.metadata.uid ?? '';
    if (current !== undefined && isWaiting(current)) {
      if (!this.#since.has(uid)) this.#since.set(uid, this.#clock.now());
      return;
    }
    const since = this.#since.get(uid);
    this.#since.delete(uid);
    this.#reasons.delete(uid);
    if (since !== undefined && current !== undefined && boundTo(current) !== undefined) {
      this.#bound((this.#clock.now() - since) / 1000);
    }
  }
}
