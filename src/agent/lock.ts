// One agent per node: whoever has a name in the node's network namespace works, and any other waits for its end. Two that both
// worked would undo each other's shims for ever. The kernel takes the name back when its process ends, however that ends.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Clock, sleep } from '../kernel/process/clock.ts';
import type { HealthServer } from '../kernel/process/health.ts';
import type { Part } from '../kernel/process/lifecycle.ts';
import type { Logger } from '../kernel/process/logger.ts';

/** An abstract socket: it is no file, and belongs to the network namespace that it was made in. */
const NAME = '\0macvlan.dev/agent';
/** Tries are at least this far apart, in milliseconds, should somebody hold the name who hangs up at once. */
const PAUSE_MS = 1000;
/** How long the agent before this one may take to give its ports back after the name, in milliseconds. */
const PORTS_MS = 15_000;
const PORTS_LOOK_MS = 200;

export interface LockOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: the one name of all agents. */
  readonly name?: string;
}

export class NodeLock {
  readonly #options: LockOptions;
  readonly #name: string;
  readonly #waiters = new Set<Socket>();
  #server: Server | undefined;
  #isWaiting = false;

  constructor(options: LockOptions) {
    this.#options = options;
    this.#name = options.name ?? NAME;
  }

  /** For readiness: why this agent does nothing, or nothing. */
  get problem(): string | undefined {
    return this.#isWaiting ? 'another agent works on this node; this one waits for its end' : undefined;
  }

  /**
   * Resolves with true as soon as the lock is had, and with false when `signal` aborts before. Where the system has no such
   * locks, it is had: a node without any agent is worse than the chance of two.
   */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      if (await this.#bind()) {
        if (this.#isWaiting) logger.info('the other agent has ended: this one works from here on');
        this.#isWaiting = false;
        return true;
      }
      if (!this.#isWaiting) logger.warn('another agent works on this node: waiting for its end');
      this.#isWaiting = true;
      const began = clock.now();
      await this.#connect(signal);
      const left = PAUSE_MS - (clock.now() - began);
      if (left > 0) await sleep(clock, left, signal);
    }
    return false;
  }

  /** Whether somebody has the lock. */
  isHeld(): Promise<boolean> {
    return this.#connect(AbortSignal.abort());
  }

  release(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const waiter of this.#waiters) waiter.destroy();
  }

  #bind(): Promise<boolean> {
    // Whoever waits is connected, and learns of the end by the end of the connection. Nothing is said over it.
    const server = createServer((socket) => {
      this.#waiters.add(socket.resume().unref());
      socket.on('error', () => {}).on('close', () => this.#waiters.delete(socket));
    });
    return new Promise((resolve) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') return resolve(false);
        this.#options.logger.warn({ err: error }, 'no lock is to be had here: working without one');
        resolve(true);
      });
      server.listen(this.#name, () => {
        this.#server = server.unref();
        resolve(true);
      });
    });
  }

  /** Resolves when the holder ends, or hangs up, or at once when `signal` is aborted; with whether there was one. */
  #connect(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      let isThere = false;
      const socket = connect(this.#name);
      const hangUp = () => socket.destroy();
      socket.on('connect', () => {
        isThere = true;
        if (signal.aborted) hangUp();
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        signal.removeEventListener('abort', hangUp);
        resolve(isThere);
      });
      socket.resume();
      signal.addEventListener('abort', hangUp, { once: true });
    });
  }
}

/**
 * The endpoints for probes, and the wait for the lock. An agent that waits is alive and not ready, and says so. Where the agent
 * that works has the same ports (both are on the node's own network), the kubelet's probes reach that one meanwhile.
 */
export function partsInTurn(opts: { lock: NodeLock; health: HealthServer; clock: Clock }): {
  readonly endpoints: Part;
  readonly turn: Part;
} {
  const { lock, health, clock } = opts;
  let isListening = false;
  const listen = async (): Promise<Error | undefined> => {
    try {
      await health.start();
      isListening = true;
      return undefined;
    } catch (error) {
      await health.stop();
      return error as Error;
    }
  };
  return {
    endpoints: {
      name: 'health',
      async start() {
        const error = await listen();
        if (error !== undefined && !(isTaken(error) && (await lock.isHeld()))) throw error;
      },
      stop: () => health.stop(),
    },
    turn: {
      name: 'lock',
      async start({ signal }) {
        if (!(await lock.acquire(signal))) return;
        const end = clock.now() + PORTS_MS;
        while (!isListening && !signal.aborted) {
          const error = await listen();
          if (error !== undefined && (!isTaken(error) || clock.now() > end)) throw error;
          if (error !== undefined) await sleep(clock, PORTS_LOOK_MS, signal);
        }
      },
      stop: async () => lock.release(),
    },
  };
}

function isTaken(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EADDRINUSE';
}
