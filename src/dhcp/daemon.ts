// The stock daemon as a child of this process: started on a socket that nobody listens on, heard word by word, ended with us.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, rmSync } from 'node:fs';
import type { Addon, NativeSocket } from '../agent/netlink/addon.ts';
import { lineOf } from '../domain/dhcp/daemon-log.ts';
import { type Clock, sleep } from '../kernel/process/clock.ts';
import { connectLines } from '../kernel/process/line-socket.ts';

/** A question to a server that does not answer is given up after this; whoever asked may ask again. In seconds. */
const PATIENCE_S = 60;
/** So long a daemon that ends may take. In milliseconds. */
const END_MS = 3000;
/** How often a socket is looked at that is to appear or to go. In milliseconds. */
const LOOK_MS = 50;
/** Another daemon on our socket, of a pod that is being replaced, is waited for this long. In milliseconds. */
const HANDOVER_MS = 30_000;

export interface DaemonOptions {
  readonly plugin: string;
  readonly hostPrefix: string;
  /** As the node sees it. */
  readonly socket: string;
  /** Gets each thing that the daemon writes down, as one line. */
  readonly onLine: (line: string) => void;
  readonly addon: Pick<Addon, 'openMessages' | 'close'>;
  readonly clock: Clock;
}

export class Daemon {
  readonly #options: DaemonOptions;
  #child: ChildProcess | undefined;
  #words: NativeSocket | undefined;
  #isStopping = false;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the daemon listens. Rejects when it ends before that, or when somebody else keeps listening in its place.
   * @param onEnd called when the daemon ends later
   */
  async start(onEnd: (how: string) => void): Promise<void> {
    const { plugin, hostPrefix, socket, clock } = this.#options;
    const path = `${hostPrefix}${socket}`;
    await this.#takeOver(path);
    const flags = ['-hostprefix', hostPrefix, '-socketpath', socket, '-resendtimeout', `${PATIENCE_S}s`];
    const words = this.#hear();
    const child = spawn(plugin, ['daemon', ...flags], { stdio: ['ignore', 'ignore', words], env: { TZ: 'UTC' } });
    closeSync(words);
    this.#child = child;
    let end: string | undefined;
    let isListening = false;
    const ended = (how: string) => {
      end ??= how;
      if (isListening && !this.#isStopping) onEnd(how);
    };
    child.on('error', (error) => ended(`could not be started: ${error.message}`));
    child.on('exit', (code, signal) => ended(`ended with ${signal ?? code}`));
    while (!existsSync(path)) {
      await sleep(clock, LOOK_MS);
      if (end !== undefined) throw new Error(`the DHCP daemon ${end}`);
    }
    isListening = true;
  }

  /** Ends it. It gives no lease back: pods go on with their addresses, and the next daemon asks for the same ones. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const cancel = this.#options.clock.after(END_MS, () => child.kill('SIGKILL'));
    await exited;
    cancel();
    if (this.#words !== undefined) this.#options.addon.close(this.#words);
  }

  /** At once and without waiting: for an end in disorder. */
  kill(): void {
    this.#isStopping = true;
    this.#child?.kill('SIGKILL');
  }

  /** Returns where it is to write to. It writes each line in one go, with whatever a server on the LAN has put into it. */
  #hear(): number {
    const { addon, onLine } = this.#options;
    const words = addon.openMessages((_errno, message) => {
      if (message !== undefined) onLine(lineOf(message.toString()));
    });
    this.#words = words;
    return words.peer;
  }

  /** A socket that was left behind by a crash would keep the daemon from listening. */
  async #takeOver(path: string): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.now() + HANDOVER_MS;
    while (await isListenedOn(path)) {
      if (clock.now() > deadline) throw new Error(`another process listens on ${path}`);
      await sleep(clock, LOOK_MS * 4);
    }
    rmSync(path, { force: true });
  }
}

async function isListenedOn(path: string): Promise<boolean> {
  try {
    const peer = await connectLines(path, { onLine: () => {} });
    peer.close();
    return true;
  } catch {
    return false;
  }
}
