// One agent per node: two that both worked would undo each other's shims for ever. The second one waits for the end of the first.
import { type Clock, sleep } from '../kernel/process/clock.ts';
import type { HealthServer } from '../kernel/process/health.ts';
import type { Part } from '../kernel/process/lifecycle.ts';
import type { Logger } from '../kernel/process/logger.ts';
import { NamespaceLock } from '../kernel/process/namespace-lock.ts';

const NAME = 'macvlan.dev/agent';
/** How long the agent before this one may take to give its ports back after the lock, in milliseconds. */
const PORTS_MS = 15_000;
const PORTS_LOOK_MS = 200;

export interface NodeLockOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: the one name of all agents. */
  readonly name?: string;
  /** The user ids of those who have an abstract socket of that name; none where that cannot be known. */
  readonly ownersOf?: (name: string) => Promise<readonly number[]>;
}

/** Agents are root. */
const ROOT = 0;

/** The lock of the node whose network the process shares. */
export class NodeLock {
  readonly #logger: Logger;
  readonly #lock: NamespaceLock;
  #isWaiting = false;

  constructor({ clock, logger, name = NAME, ownersOf = async () => [] }: NodeLockOptions) {
    this.#logger = logger;
    this.#lock = new NamespaceLock({
      clock,
      name,
      onWait: () => {
        this.#isWaiting = true;
        logger.warn('another agent works on this node: waiting for its end');
      },
      mayHold: async () => {
        const owners = await ownersOf(name);
        return owners.length === 0 || owners.includes(ROOT);
      },
      onSquatter: () => {
        this.#isWaiting = false;
        logger.warn('somebody without rights has the name of the lock: working without it');
      },
      // A node without any agent is worse than the chance of two.
      onUnavailable: (err) => logger.warn({ err }, 'no lock is to be had here: working without one'),
    });
  }

  /** For readiness: why this agent does nothing, or nothing. */
  get problem(): string | undefined {
    return this.#isWaiting ? 'another agent works on this node; this one waits for its end' : undefined;
  }

  /** Resolves with true as soon as this agent may work, and with false when `signal` aborts before. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const has = await this.#lock.acquire(signal);
    if (has && this.#isWaiting) this.#logger.info('the other agent has ended: this one works from here on');
    this.#isWaiting &&= !has;
    return has;
  }

  /** Whether some agent has the lock. */
  isHeld(): Promise<boolean> {
    return this.#lock.isHeld();
  }

  release(): void {
    this.#lock.release();
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
