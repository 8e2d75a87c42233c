// How long a lease that could not be had again is left alone. Times are milliseconds.
import { isSilence } from './daemon-log.ts';

/** What came of asking for a lease that a daemon before this one had. */
export interface Failure {
  /** In the plugin's words. */
  readonly because: string;
  /** How often it has been tried in vain. */
  readonly tries: number;
  /** When last. */
  readonly at: number;
}

const FIRST_MS = 15_000;
/** A server is asked anew about once a minute, so that one that comes back is found soon: a lease is at stake. */
const SILENT_MS = 60_000;
/** Whatever else it is, as a link that is gone, will hardly go away by itself. */
const LONGEST_MS = 600_000;

/** The failure with one more. */
export function failedAgain(before: Failure | undefined, because: string, now: number): Failure {
  return { because, tries: (before?.tries ?? 0) + 1, at: now };
}

/** Whether it is too early to ask again: each time twice as long as before, up to a limit. */
export function isPaused(failure: Failure | undefined, now: number): boolean {
  if (failure === undefined) return false;
  const limit = isSilence(failure.because) ? SILENT_MS : LONGEST_MS;
  return now - failure.at < Math.min(limit, FIRST_MS * 2 ** (failure.tries - 1));
}
