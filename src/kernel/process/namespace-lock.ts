// One process of a kind per network namespace: whoever has bound a name works, and any other waits for its end. The kernel takes the
// name back when its process ends, however that ends.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Clock, sleep } from './clock.ts';

/** Tries are at least this far apart, in milliseconds, should somebody hold the name who hangs up at once. */
const PAUSE_MS = 1000;
/** More that wait are hung up on, and try again: anybody in the namespace can connect, and each takes a descriptor of the holder's. */
const MOST_WAITERS = 8;

export interface LockOptions {
  readonly clock: Clock;
  /** Of the abstract socket: it is no file, and belongs to the network namespace that the process is in. */
  readonly name: string;
  /** Called once, when another process has the lock. */
  readonly onWait: () => void;
  /** Whether who has the name may have it: nobody else is waited for. Default: whoever it is. */
  readonly mayHold?: () => Promise<boolean>;
  /** The name is had by somebody who may not have it: this process works without the lock. */
  readonly onSquatter?: () => void;
  /** The system has no such locks, or does not let this process have one. */
  readonly onUnavailable: (error: Error) => void;
}

export class NamespaceLock {
  readonly #options: LockOptions;
  readonly #address: string;
  readonly #waiters = new Set<Socket>();
  #server: Server | undefined;

  constructor(options: LockOptions) {
    this.#options = options;
    this.#address = `\0${options.name}`;
  }

  /**
   * Resolves with true as soon as the lock is had, and with false when `signal` aborts before. Where no lock is to be had at all, or
   * somebody has it who may not, it is taken as had.
   */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const { clock, onWait, mayHold = async () => true, onSquatter } = this.#options;
    for (let tries = 0; !signal.aborted; tries++) {
      if (await this.#bind()) return true;
      if (!(await mayHold())) {
        onSquatter?.();
        return true;
      }
      if (tries === 0) onWait();
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
    server.maxConnections = MOST_WAITERS;
    return new Promise((resolve) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') return resolve(false);
        this.#options.onUnavailable(error);
        resolve(true);
      });
      server.listen(this.#address, () => {
        this.#server = server.unref();
        resolve(true);
      });
    });
  }

  /** Resolves when the holder ends, or hangs up, or at once when `signal` is aborted; with whether there was one. */
  #connect(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      let isThere = false;
      const socket = connect(this.#address);
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
