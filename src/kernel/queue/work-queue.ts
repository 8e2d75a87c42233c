// Level-triggered keys: a key waits at most once, is never worked on twice at a time, and a key that is touched while it
// is worked on runs once more afterwards.
import { type Clock, monotonicClock } from '../process/clock.ts';
import { TokenBucket } from './token-bucket.ts';

/** What a user just did goes before what a start or a resync replays. */
export type Priority = 'user' | 'background';

/** What a queue tells about its keys, for metrics. */
export interface QueueObserver {
  /** A key was put in that did not wait already. */
  added?(): void;
  /** A key failed and will be put in again. */
  retried?(): void;
  /** A key was taken after it had waited for so long. */
  waited?(seconds: number): void;
}

export interface WorkQueueOptions {
  readonly clock?: Clock;
  /** Pause before the first retry of a key; doubles with each failure. Default 5 ms. */
  readonly firstRetryMs?: number;
  /** Longest pause before a retry. Default 1000 s. */
  readonly longestRetryMs?: number;
  /** Retries of all keys together: this many a second, after a burst. Default 10 and 100. */
  readonly retriesPerSecond?: number;
  readonly retryBurst?: number;
}

/** A queue of keys. Workers call `take`, then `done` when they are finished with it, whatever came out. */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #firstRetryMs: number;
  readonly #longestRetryMs: number;
  readonly #bucket: TokenBucket;
  readonly #lanes: Readonly<Record<Priority, Lane>> = { user: new Lane(), background: new Lane() };
  readonly #dirty = new Map<string, Priority>();
  readonly #processing = new Map<string, Priority>();
  readonly #timers = new Map<string, { at: number; priority: Priority; cancel: () => void }>();
  readonly #failures = new Map<string, number>();
  /** Until when each key that failed waits for its next try. */
  readonly #floors = new Map<string, number>();
  /** Hints that came while their key was worked on: how that ends decides when they count. */
  readonly #hinted = new Map<string, { readonly at: number; readonly priority: Priority }>();
  /** Since when each key of `#dirty` has been in it. */
  readonly #since = new Map<string, number>();
  #observer: QueueObserver = {};
  readonly #waiters: (() => void)[] = [];
  #closed = false;

  constructor(options: WorkQueueOptions = {}) {
    this.#clock = options.clock ?? monotonicClock;
    this.#firstRetryMs = options.firstRetryMs ?? 5;
    this.#longestRetryMs = options.longestRetryMs ?? 1_000_000;
    this.#bucket = new TokenBucket(this.#clock, options.retriesPerSecond ?? 10, options.retryBurst ?? 100);
  }

  /** Tells `observer` from now on. */
  observe(observer: QueueObserver): void {
    this.#observer = observer;
  }

  /** Keys that could be taken now. */
  get depth(): number {
    return this.#lanes.user.size + this.#lanes.background.size;
  }

  /** Keys that are waiting for a time. */
  get delayed(): number {
    return this.#timers.size;
  }

  /** Puts a key in. Already waiting: it keeps the higher of the two priorities. Waiting for a time: it no longer does. */
  add(key: string, priority: Priority = 'user'): void {
    if (this.#closed) return;
    const best = higher(priority, this.#cancelTimer(key));
    const before = this.#dirty.get(key);
    if (before === 'user' || before === best) return;
    this.#dirty.set(key, best);
    if (before === undefined) this.#noteAdded(key);
    if (this.#processing.has(key)) return;
    if (before === undefined) this.#push(key, best);
    else this.#promote(key);
  }

  /** Puts a key in `ms` from now, unless something does so earlier. */
  addAfter(key: string, ms: number, priority: Priority = 'background'): void {
    if (this.#closed || this.#dirty.has(key)) return; // it runs before that in any case, and may then ask again
    const at = this.#clock.now() + ms;
    const planned = this.#timers.get(key);
    if (planned !== undefined && planned.at <= at) return;
    const best = higher(priority, this.#cancelTimer(key));
    if (ms <= 0) {
      this.add(key, best);
      return;
    }
    const cancel = this.#clock.after(ms, () => {
      this.#timers.delete(key);
      this.add(key, best);
    });
    this.#timers.set(key, { at, priority: best, cancel });
  }

  /**
   * The same for what may follow from the key's own failing, such as a message about it: a key that failed keeps its pause, or
   * it would fail again at once, and so on.
   */
  hintAfter(key: string, ms: number, priority: Priority = 'background'): void {
    const now = this.#clock.now();
    const pause = (this.#floors.get(key) ?? now) - now;
    if (this.#processing.has(key)) this.#hinted.set(key, { at: now + ms, priority });
    else this.addAfter(key, Math.max(ms, pause), priority);
  }

  /**
   * Puts a key that failed in again: later with each failure of its own, and later when many fail.
   * `leastMs` is a pause that the server asked for.
   */
  retry(key: string, leastMs = 0): void {
    this.#observer.retried?.();
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const own = Math.min(this.#firstRetryMs * 2 ** Math.min(failures, 40), this.#longestRetryMs);
    const ms = Math.max(own, leastMs, this.#bucket.reserve());
    this.#floors.set(key, this.#clock.now() + ms);
    this.addAfter(key, ms, this.#processing.get(key) ?? 'background');
  }

  /** Forgets the failures of a key. */
  forget(key: string): void {
    this.#failures.delete(key);
    this.#floors.delete(key);
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, as soon as there is one; undefined once the queue is closed and empty. */
  async take(): Promise<string | undefined> {
    for (;;) {
      const lane = this.#lanes.user.size > 0 ? this.#lanes.user : this.#lanes.background;
      const key = lane.shift();
      if (key !== undefined) {
        this.#processing.set(key, this.#dirty.get(key) ?? 'background');
        this.#dirty.delete(key);
        this.#noteTaken(key);
        return key;
      }
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Ends the work on a key that was taken. */
  done(key: string): void {
    this.#processing.delete(key);
    const priority = this.#dirty.get(key);
    if (priority !== undefined) this.#push(key, priority);
    const hint = this.#hinted.get(key);
    this.#hinted.delete(key);
    if (hint !== undefined) this.hintAfter(key, hint.at - this.#clock.now(), hint.priority);
  }

  /** Takes nothing more in. What waits for a time is dropped; what is ready is still handed out, unless `drop`. */
  close(opts: { readonly pending: 'hand-out' | 'drop' } = { pending: 'hand-out' }): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    if (opts.pending === 'drop') {
      this.#lanes.user.clear();
      this.#lanes.background.clear();
      this.#dirty.clear();
      this.#since.clear();
    }
    for (const wake of this.#waiters.splice(0)) wake();
  }

  #noteAdded(key: string): void {
    this.#since.set(key, this.#clock.now());
    this.#observer.added?.();
  }

  #noteTaken(key: string): void {
    const since = this.#since.get(key);
    this.#since.delete(key);
    if (since !== undefined) this.#observer.waited?.((this.#clock.now() - since) / 1000);
  }

  #push(key: string, priority: Priority): void {
    this.#lanes[priority].push(key);
    this.#waiters.shift()?.();
  }

  #promote(key: string): void {
    if (this.#lanes.background.delete(key)) this.#lanes.user.push(key);
  }

  #cancelTimer(key: string): Priority | undefined {
    const timer = this.#timers.get(key);
    timer?.cancel();
    this.#timers.delete(key);
    return timer?.priority;
  }
}

function higher(a: Priority, b: Priority | undefined): Priority {
  return a === 'user' || b === 'user' ? 'user' : 'background';
}

// First in, first out, with removal from the middle. The iterator is kept, since a fresh one would walk over every hole.
class Lane {
  readonly #keys = new Set<string>();
  #next = this.#keys.values();

  get size(): number {
    return this.#keys.size;
  }

  push(key: string): void {
    this.#keys.add(key);
  }

  shift(): string | undefined {
    let next = this.#next.next();
    if (next.done) {
      this.#next = this.#keys.values();
      next = this.#next.next();
    }
    if (next.done) return undefined;
    this.#keys.delete(next.value);
    return next.value;
  }

  delete(key: string): boolean {
    return this.#keys.delete(key);
  }

  clear(): void {
    this.#keys.clear();
  }
}
