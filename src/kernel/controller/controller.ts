// The loop around a reconciler: takes keys, runs them a few at a time, and is the only place that waits, retries and logs.
import { type Clock, monotonicClock } from '../process/clock.ts';
import type { Logger } from '../process/logger.ts';
import { type Priority, type QueueObserver, WorkQueue } from '../queue/work-queue.ts';

/** What a reconciler says at the end. `blocked`: nothing helps until something changes, so nothing is tried until then. */
export type Answer =
  | { readonly type: 'done' }
  | { readonly type: 'later'; readonly ms: number }
  | { readonly type: 'retry'; readonly error: unknown }
  | { readonly type: 'blocked' };

/** Makes the world fit for one key. `signal` aborts when the process can wait no longer. Throwing is the same as `retry`. */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<Answer>;

/** What a controller tells about its work, for metrics. */
export interface ControllerObserver {
  reconciled?(controller: string, answer: Answer['type'], seconds: number): void;
  /** Called once, with a function that gives the number of keys that wait. */
  queue?(controller: string, depth: () => number): void;
  /** Called once, with what the workers are at. */
  workers?(controller: string, gauges: WorkerGauges): void;
  /** A key was put into the queue; one that failed was; one was taken after it had waited for so long. */
  added?(controller: string): void;
  retried?(controller: string): void;
  waited?(controller: string, seconds: number): void;
}

/** Asked at each scrape. */
export interface WorkerGauges {
  /** Workers, at work or not. */
  readonly most: number;
  /** Keys that are worked on. */
  busy(): number;
  /** For how long the oldest of them has been, in seconds; 0 when there is none. */
  longestSeconds(): number;
}

export interface ControllerOptions {
  /** In logs and metrics. */
  readonly name: string;
  readonly reconcile: Reconcile;
  /** How many keys are worked on at a time; default 1. Never twice the same. */
  readonly concurrency?: number;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly metrics?: ControllerObserver | undefined;
  /** A queue with other limits than the default ones. */
  readonly queue?: WorkQueue;
  /** Asked before each reconcile; once it says no, nothing is worked on any more. For work that only a leader may do. */
  readonly mayWork?: () => boolean;
  /** How long running work may take after the stop before its signal aborts; default 30 000 ms. */
  readonly drainMs?: number;
}

const TURN_MS = 8; // how long reconciles that need no I/O may follow each other before the event loop gets its turn

/** Keys may be enqueued before `run`; they are kept. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #clock: Clock;
  readonly #queue: WorkQueue;
  readonly #logger: Logger;
  /** Keys that are worked on, with the time at which that began. */
  readonly #running = new Map<string, number>();
  #lastTurn = 0;

  constructor(options: ControllerOptions) {
    const { name, metrics } = options;
    this.#options = options;
    this.#clock = options.clock ?? monotonicClock;
    this.#queue = options.queue ?? new WorkQueue({ clock: this.#clock });
    if (metrics !== undefined) this.#queue.observe(observerFor(name, metrics));
    this.#logger = options.logger.child({ controller: name });
    metrics?.queue?.(name, () => this.#queue.depth);
    metrics?.workers?.(name, {
      most: options.concurrency ?? 1,
      busy: () => this.#running.size,
      longestSeconds: () => this.#longestSeconds(),
    });
  }

  /** Asks for a reconcile of `key`. Default priority `user`. */
  enqueue(key: string, opts: { readonly priority?: Priority } = {}): void {
    this.#queue.add(key, opts.priority ?? 'user');
  }

  /** Asks for a reconcile of `key` in `ms`, unless one comes earlier. */
  enqueueAfter(key: string, ms: number): void {
    this.#queue.addAfter(key, ms);
  }

  /** The same for what may be nothing but an echo of the key's own failing: it keeps its pause. */
  hintAfter(key: string, ms: number): void {
    this.#queue.hintAfter(key, ms);
  }

  /** Works until `signal` aborts, then lets running reconciles end and resolves. Waiting keys are left to the next leader. */
  async run(signal: AbortSignal): Promise<void> {
    const hurry = new AbortController();
    let cancel = () => {};
    const stop = () => {
      this.#queue.close({ pending: 'drop' });
      cancel = this.#clock.after(this.#options.drainMs ?? 30_000, () => hurry.abort());
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    const workers = Array.from({ length: this.#options.concurrency ?? 1 }, () => this.#work(hurry.signal));
    await Promise.all(workers);
    signal.removeEventListener('abort', stop);
    cancel();
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.#queue.take();
      // A process that was frozen wakes up with its timers due: it must not act before it learns that it lost the lease.
      if (key === undefined || this.#options.mayWork?.() === false) return;
      await this.#reconcile(key, signal);
      this.#queue.done(key);
      await this.#giveWay();
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const started = this.#clock.now();
    this.#running.set(key, started);
    let answer: Answer;
    try {
      answer = await this.#options.reconcile(key, signal);
    } catch (error) {
      answer = { type: 'retry', error };
    }
    this.#running.delete(key);
    this.#options.metrics?.reconciled?.(this.#options.name, answer.type, (this.#clock.now() - started) / 1000);
    if (answer.type === 'retry') this.#retry(key, answer.error);
    else this.#queue.forget(key);
    if (answer.type === 'later') this.#queue.addAfter(key, answer.ms);
  }

  #longestSeconds(): number {
    const [oldest] = this.#running.values(); // in the order in which they began
    return oldest === undefined ? 0 : (this.#clock.now() - oldest) / 1000;
  }

  #retry(key: string, error: unknown): void {
    this.#queue.retry(key, retryAfterOf(error));
    const failures = this.#queue.failures(key);
    const entry = { err: error, key, failures };
    // A conflict means that the cache was behind, and the next try has newer facts: no news unless it goes on.
    if (isConflict(error) && failures < 5) this.#logger.debug(entry, 'reconcile met a conflict, trying again');
    else this.#logger.warn(entry, 'reconcile failed, trying again');
  }

  async #giveWay(): Promise<void> {
    const now = this.#clock.now();
    if (now - this.#lastTurn < TURN_MS) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#lastTurn = this.#clock.now();
  }
}

function observerFor(name: string, metrics: ControllerObserver): QueueObserver {
  return {
    added: () => metrics.added?.(name),
    retried: () => metrics.retried?.(name),
    waited: (seconds) => metrics.waited?.(name, seconds),
  };
}

function retryAfterOf(error: unknown): number {
  const ms = (error as { retryAfterMs?: unknown } | undefined)?.retryAfterMs;
  return typeof ms === 'number' ? ms : 0;
}

function isConflict(error: unknown): boolean {
  return (error as { status?: unknown } | undefined)?.status === 409;
}
