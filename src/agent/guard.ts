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
import { type Culprit, withCulprit } from '../domain/shim/culprit.ts';
import { diffShim, isComplete } from '../domain/shim/diff.ts';
import type { ShimPlan } from '../domain/shim/plan.ts';
import type { NodePlan } from './plan.ts';
import type { Hint } from './ports.ts';

/** A shim that is deleted again and again has a new index each time; the old ones need not be known for long. */
const NAMES_MAX = 256;

interface Memory {
  readonly contest: Contest;
  /** The plan for which the shim was last seen complete. */
  readonly completeFor?: string;
  /** Others who changed it of late, or in this contest. */
  readonly culprits: readonly Culprit[];
}

/** What is to be done now. */
export interface Allowance {
  /** Names of the shims that are not to be touched now. */
  readonly held: ReadonlySet<string>;
  /** Names of the shims that somebody keeps undoing. */
  readonly contested: ReadonlySet<string>;
  /** Netlink ports of those who changed a contested shim, by its name. */
  readonly culprits: ReadonlyMap<string, readonly number[]>;
  /** When to look again, in milliseconds from now: a held-back repair may be made then, or a contest is over. */
  readonly waitMs?: number;
}

/** Remembers, per shim, when it was whole and how often it was put back. */
export class ShimGuard {
  readonly #limits: ContestLimits;
  #memories = new Map<string, Memory>();
  /** Names of shims by their index; also of those that are gone, since hints about them may still come. */
  #names = new Map<number, string>();

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
      ...this.#judge(
        before.get(shim.name) ?? { contest: PEACE, culprits: [] },
        isUndone(before.get(shim.name), shim, network),
        now,
      ),
    }));
    this.#memories = new Map(judged.map(({ name, memory }) => [name, memory]));
    const waits = judged.map(({ waitMs }) => waitMs).filter((ms) => ms > 0);
    return {
      held: new Set(judged.filter(({ isHeld }) => isHeld).map(({ name }) => name)),
      contested: new Set(judged.filter(({ isContested }) => isContested).map(({ name }) => name)),
      culprits: new Map(judged.map(({ name, memory }) => [name, memory.culprits.map(({ port }) => port)])),
      ...(waits.length === 0 ? {} : { waitMs: Math.min(...waits) }),
    };
  }

  #judge(memory: Memory, wasUndone: boolean, now: number) {
    const left = wasUndone ? pauseLeft(memory.contest, now) : 0;
    const isRepair = wasUndone && left === 0;
    const contest = isRepair ? afterRepair(memory.contest, now, this.#limits) : memory.contest;
    const rest = contestLeft(contest, now, this.#limits);
    // In peace, changes are soon forgotten; in a contest, whoever began it stays named.
    const culprits = rest > 0 ? memory.culprits : this.#ofLate(memory.culprits, now);
    const waitMs = left > 0 ? left : rest;
    return { memory: { ...memory, contest, culprits }, isHeld: left > 0, isContested: rest > 0, waitMs };
  }

  #ofLate(culprits: readonly Culprit[], now: number): readonly Culprit[] {
    return culprits.filter(({ at }) => now - at < this.#limits.windowMs);
  }

  /** Takes a hint that something changed: about a shim, and by somebody other than the agent itself, it may name a culprit. */
  hear(hint: Hint, ownPort: number | undefined, now: number): void {
    if (hint.type === 'Lost' || hint.by === undefined || hint.by === ownPort) return;
    const culprit = { port: hint.by, at: now };
    for (const ifindex of hint.type === 'Route' ? hint.links : [hint.ifindex]) {
      const name = this.#names.get(ifindex);
      const memory = name === undefined ? undefined : this.#memories.get(name);
      if (name === undefined || memory === undefined) continue;
      this.#memories.set(name, { ...memory, culprits: withCulprit(memory.culprits, culprit) });
    }
  }

  /** Looks at each shim after everything was done. */
  settle(plan: NodePlan, network: Network): void {
    if (this.#names.size > NAMES_MAX) this.#names = new Map();
    for (const shim of plan.shims) {
      const ifindex = network.links.find((link) => link.name === shim.name)?.ifindex;
      if (ifindex !== undefined) this.#names.set(ifindex, shim.name);
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
