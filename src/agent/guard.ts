// Keeps peace with whoever undoes shims: lets repairs through at once, and holds them back while somebody keeps at it.
import type { Network } from '../domain/net/network.ts';
import {
  afterRepair,
  CONTEST_LIMITS,
  type Contest,
  type ContestLimits,
  isContested,
  PEACE,
  pauseLeft,
} from '../domain/shim/contest.ts';
import { diffShim, isComplete } from '../domain/shim/diff.ts';
import type { NodePlan } from './plan.ts';

interface Memory {
  readonly contest: Contest;
  /** The plan for which the shim was last seen complete. */
  readonly completeFor?: string;
}

/** What is to be done now. */
export interface Allowance {
  /** Names of the shims that are not to be touched now. */
  readonly held: ReadonlySet<string>;
  /** Names of the shims that somebody keeps undoing. */
  readonly contested: ReadonlySet<string>;
  /** When a held-back repair may be made, in milliseconds from now. */
  readonly waitMs?: number;
}

/** Remembers, per shim, when it was whole and how often it was put back. */
export class ShimGuard {
  readonly #limits: ContestLimits;
  #memories = new Map<string, Memory>();

  constructor(limits: ContestLimits = CONTEST_LIMITS) {
    this.#limits = limits;
  }

  /**
   * Looks at each shim before anything is done. A shim that was whole, is to stay as it was, and is not whole now was
   * undone by somebody: that is a repair. Shims whose plan changed, or that are new, are always let through.
   */
  admit(plan: NodePlan, network: Network, now: number): Allowance {
    const memories = new Map<string, Memory>();
    const held = new Set<string>();
    let waitMs: number | undefined;
    for (const shim of plan.shims) {
      const memory = this.#memories.get(shim.name) ?? { contest: PEACE };
      const wasUndone = memory.completeFor === JSON.stringify(shim) && diffShim(shim, network).length > 0;
      const left = wasUndone ? pauseLeft(memory.contest, now) : 0;
      if (left > 0) {
        held.add(shim.name);
        waitMs = Math.min(waitMs ?? left, left);
      }
      const isRepair = wasUndone && left === 0;
      const contest = isRepair ? afterRepair(memory.contest, now, this.#limits) : memory.contest;
      memories.set(shim.name, { ...memory, contest });
    }
    this.#memories = memories;
    const contested = new Set(
      [...memories].filter(([, m]) => isContested(m.contest, now, this.#limits)).map(([name]) => name),
    );
    return { held, contested, ...(waitMs === undefined ? {} : { waitMs }) };
  }

  /** Looks at each shim after everything was done. */
  settle(plan: NodePlan, network: Network): void {
    for (const shim of plan.shims) {
      const memory = this.#memories.get(shim.name);
      if (memory !== undefined && isComplete(shim, network)) {
        this.#memories.set(shim.name, { ...memory, completeFor: JSON.stringify(shim) });
      }
    }
  }
}
