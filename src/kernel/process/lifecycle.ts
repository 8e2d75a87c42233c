// A process from start to end: parts start in order, stop in reverse, and a part that fails ends the whole.
//
//   start   probes → caches → leader → workers          stop   workers → leader (lease given back) → caches → probes
import process from 'node:process';
import { type Clock, monotonicClock, sleep } from './clock.ts';
import type { Logger } from './logger.ts';

/** What a part gets when it starts. */
export interface PartContext {
  /** Aborts when the process begins to stop: a start that still waits must then return. */
  readonly signal: AbortSignal;
  /** Ends the process with an error: for what cannot be mended from inside, such as a lost lease. Nothing more is started or drained. */
  readonly fail: (error: Error) => void;
}

/** One part of a process. `start` resolves when the next part may start. */
export interface Part {
  readonly name: string;
  start(context: PartContext): Promise<void>;
  stop?(): Promise<void>;
}

export interface LifecycleOptions {
  readonly logger: Logger;
  readonly parts: readonly Part[];
  readonly clock?: Clock;
  /** How long one part may take to stop before the next one is stopped anyway; default 35 000 ms. */
  readonly stopMs?: number;
}

/** Starts and stops parts. `run` is the whole life; it resolves with the reason for the end. */
export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    this.#clock = options.clock ?? monotonicClock;
    this.#logger = options.logger;
  }

  /**
   * Starts the parts, waits until `signal` aborts, stops what was started in reverse order, and resolves.
   * Rejects at once, without stopping anything in order, when a part fails: a process in an unknown state has to go.
   */
  async run(signal: AbortSignal): Promise<void> {
    const failure = new Promise<never>((_, reject) => {
      const fail = (error: Error) => reject(error);
      this.#fail = fail;
    });
    await Promise.race([this.#live(signal), failure]);
  }

  #fail: (error: Error) => void = () => {};

  async #live(signal: AbortSignal): Promise<void> {
    const started: Part[] = [];
    for (const part of this.#options.parts) {
      if (signal.aborted) break;
      this.#logger.debug({ part: part.name }, 'starting');
      started.push(part);
      await part.start({ signal, fail: this.#fail });
    }
    if (!signal.aborted) {
      this.#logger.info('started');
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    }
    for (const part of started.reverse()) await this.#stop(part);
  }

  async #stop(part: Part): Promise<void> {
    if (part.stop === undefined) return;
    const limit = this.#options.stopMs ?? 35_000;
    const finished = new AbortController();
    const late = sleep(this.#clock, limit, finished.signal).then(() => {
      if (!finished.signal.aborted) this.#logger.error({ part: part.name, limit }, 'did not stop in time');
    });
    const stopped = part.stop().catch((err: unknown) => this.#logger.error({ err, part: part.name }, 'failed to stop'));
    await Promise.race([stopped, late]);
    finished.abort();
  }
}

/**
 * A part that runs in the background: `run` gets a signal that aborts when the part is to stop, and resolves when it has.
 * `ready` delays the next part. When `run` ends by itself or rejects, the process ends.
 */
export function background(opts: {
  readonly name: string;
  readonly run: (signal: AbortSignal, context: PartContext) => Promise<void>;
  readonly ready?: () => Promise<unknown>;
}): Part {
  const stopping = new AbortController();
  let ended: Promise<void> = Promise.resolve();
  return {
    name: opts.name,
    async start(context) {
      ended = opts.run(stopping.signal, context).then(
        () => {
          if (!stopping.signal.aborted) context.fail(new Error(`${opts.name} ended by itself`));
        },
        (error: unknown) => context.fail(new Error(`${opts.name} failed`, { cause: error })),
      );
      if (opts.ready !== undefined) await Promise.race([opts.ready(), aborted(context.signal)]);
    },
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/**
 * The whole life of a process: runs the parts until SIGTERM or SIGINT, then exits with 0; exits with 1 when a part fails,
 * when the start fails, and on an error that nobody caught. A second signal exits at once.
 */
export async function runProcess(options: LifecycleOptions): Promise<never> {
  const { logger } = options;
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (stopping.signal.aborted) process.exit(1);
      logger.info({ signal: name }, 'stopping');
      stopping.abort();
    });
  }
  const die = (err: unknown) => {
    logger.fatal({ err }, 'ending because of an error');
    process.exit(1);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  try {
    await new Lifecycle(options).run(stopping.signal);
  } catch (error) {
    die(error);
  }
  logger.info('stopped');
  process.exit(0);
}
