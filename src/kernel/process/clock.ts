// Time as an argument: everything that reads or waits for time takes a Clock, so that tests can hold it still.

/** Where "now" comes from and how to wait. Times and durations are milliseconds. */
export interface Clock {
  /** The current time. Only differences are meaningful on a monotonic clock. */
  now(): number;
  /** Calls `fn` once, `ms` from now, and returns a function that cancels it (harmless when it already ran). */
  after(ms: number, fn: () => void): () => void;
}

// setTimeout takes 32 bits; a longer wait would fire at once, so it is cut and resumed.
const LONGEST_TIMEOUT = 2 ** 31 - 1;

function after(ms: number, fn: () => void): () => void {
  let timer: NodeJS.Timeout;
  let left = Math.max(0, ms);
  const arm = () => {
    const step = Math.min(left, LONGEST_TIMEOUT);
    left -= step;
    timer = setTimeout(() => (left > 0 ? arm() : fn()), step);
  };
  arm();
  return () => clearTimeout(timer);
}

/** The wall clock: for times that people or other machines read. It can jump when the machine's time is set. */
export const systemClock: Clock = { now: () => Date.now(), after };

/** A clock that never jumps and has no date: for deadlines, back-off and leases. */
export const monotonicClock: Clock = { now: () => performance.now(), after };

/** Waits `ms`, or until the signal aborts, whichever is first. Never rejects: the caller looks at the signal. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(ms, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/** `ms` shortened by up to half at random, so that many processes that failed together do not come back together. */
export function jitter(ms: number): number {
  return ms / 2 + (Math.random() * ms) / 2;
}
