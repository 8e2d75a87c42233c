// Keeps peace with whoever undoes shims: lets repairs through at once, and holds them back while somebody keeps at it.
import type { Network } from '../domain/net/network.ts';
import {
  afterRepair,
  CONTEST_LIMITS,
  type Contest,
  type ContestLimits,
  contestLeft,
  PEACE,
  pauseLeft,
} from '../domain/shim/contest.ts';
import { diffShim, isComplete } from '../domain/shim/diff.ts';
import type { ShimPlan } from '../domain/shim/plan.ts';
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
  /** When to look again, in milliseconds from now: a held-back repair may be made then, or a contest is over. */
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
    const before = this.#memories;
    const judged = plan.shims.map((shim) => ({
      name: shim.name,
      ...this.#judge(before.get(shim.name) ?? { contest: PEACE }, isUndone(before.get(shim.name), shim, network), now),
    }));
    this.#memories = new Map(judged.map(({ name, memory }) => [name, memory]));
    const waits = judged.map(({ waitMs }) => waitMs).filter((ms) => ms > 0);
    return {
      held: new Set(judged.filter(({ isHeld }) => isHeld).map(({ name }) => name)),
      contested: new Set(judged.filter(({ isContested }) => isContested).map(({ name }) => name)),
      ...(waits.length === 0 ? {} : { waitMs: Math.min(...waits) }),
    };
  }

  #judge(memory: Memory, wasUndone: boolean, now: number) {
    const left = wasUndone ? pauseLeft(memory.contest, now) : 0;
    const isRepair = wasUndone && left === 0;
    const contest = isRepair ? afterRepair(memory.contest, now, this.#limits) : memory.contest;
    const rest = contestLeft(contest, now, this.#limits);
    return { memory: { ...memory, contest }, isHeld: left > 0, isContested: rest > 0, waitMs: left > 0 ? left : rest };
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

function isUndone(memory: Memory | undefined, shim: ShimPlan, network: Network): boolean {
  return memory?.completeFor === JSON.stringify(shim) && diffShim(shim, network).length > 0;
}
