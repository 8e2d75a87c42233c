// Somebody keeps undoing a shim: how often it is put back at once, and when to give way for a while.

/** When a contest begins and how patient we are in it; all in milliseconds. */
export interface ContestLimits {
  /** So many repairs within the window are taken as accidents. */
  readonly repairs: number;
  readonly windowMs: number;
  /** The first pause; each further one is twice as long, up to the longest. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

export const CONTEST_LIMITS: ContestLimits = {
  repairs: 12,
  windowMs: 30_000,
  firstPauseMs: 1000,
  longestPauseMs: 60_000,
};

/** What is remembered of the repairs of one shim. Times are on one monotonic clock, in milliseconds. */
export interface Contest {
  /** Of the repairs within the window. */
  readonly repairs: readonly number[];
  /** Pauses taken in this contest. */
  readonly pauses: number;
  /** No repair before this. */
  readonly until: number;
}

export const PEACE: Contest = { repairs: [], pauses: 0, until: 0 };

/** How long the next repair has to wait, in milliseconds; zero when it may be made now. */
export function pauseLeft(contest: Contest, now: number): number {
  return Math.max(0, contest.until - now);
}

/** For how long users are still to be told that somebody is at it, in milliseconds; zero in peace. */
export function contestLeft(contest: Contest, now: number, limits: ContestLimits = CONTEST_LIMITS): number {
  return contest.pauses === 0 ? 0 : Math.max(0, contest.until + limits.windowMs - now);
}

/** The state after a repair that was made now. A quiet time as long as the window ends a contest. */
export function afterRepair(contest: Contest, now: number, limits: ContestLimits = CONTEST_LIMITS): Contest {
  const isOver = contest.pauses > 0 && contestLeft(contest, now, limits) === 0;
  const pauses = isOver ? 0 : contest.pauses;
  const repairs = [...contest.repairs.filter((time) => now - time < limits.windowMs), now];
  if (pauses === 0 && repairs.length <= limits.repairs) return { repairs, pauses, until: 0 };
  const pause = Math.min(limits.firstPauseMs * 2 ** pauses, limits.longestPauseMs);
  return { repairs: repairs.slice(-limits.repairs), pauses: pauses + 1, until: now + pause };
}
