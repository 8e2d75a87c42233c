// The stock plugin as whoever calls it: what a runtime does at a pod's start and end, done again for a pod that runs.
import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { type CachedClient, configFor } from '../domain/dhcp/cached-client.ts';

/** The daemon gives up after a minute; a call that takes longer hangs. In milliseconds. */
const TIMEOUT_MS = 75_000;

/** Asks the daemon about one client. */
export interface PluginPort {
  /** The daemon gets a lease and keeps it. Resolves with the plugin's result; rejects with its words, or when the signal aborts. */
  add(client: CachedClient, signal?: AbortSignal): Promise<Readonly<Record<string, unknown>>>;
  /** The daemon forgets the lease. */
  del(client: CachedClient): Promise<void>;
}

export class Plugin implements PluginPort {
  readonly #program: string;
  readonly #socketPath: string;

  /** @param socketPath where the daemon listens, as seen from here */
  constructor(program: string, socketPath: string) {
    this.#program = program;
    this.#socketPath = socketPath;
  }

  async add(client: CachedClient, signal?: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse(await this.#call('ADD', client, signal)) as Readonly<Record<string, unknown>>;
  }

  async del(client: CachedClient): Promise<void> {
    await this.#call('DEL', client);
  }

  #call(verb: 'ADD' | 'DEL', client: CachedClient, signal?: AbortSignal): Promise<string> {
    const env = {
      CNI_COMMAND: verb,
      CNI_CONTAINERID: client.container,
      CNI_NETNS: client.netns,
      // The path is the node's, and means nothing here; the daemon puts its prefix before it.
      CNI_NETNS_OVERRIDE: '1',
      CNI_IFNAME: client.interface,
      CNI_ARGS: client.cniArgs,
      CNI_PATH: dirname(this.#program),
    };
    return new Promise((resolve, reject) => {
      const child = execFile(
        this.#program,
        { env, timeout: TIMEOUT_MS, ...(signal && { signal }) },
        (error, stdout) => {
          if (error === null) resolve(stdout);
          else reject(new Error(wordsOf(stdout) ?? error.message));
        },
      );
      child.stdin?.on('error', () => {});
      child.stdin?.end(configFor(client, this.#socketPath));
    });
  }
}

/** An error by the CNI specification, as one line. */
function wordsOf(stdout: string): string | undefined {
  try {
    const { msg, details } = JSON.parse(stdout) as { msg?: unknown; details?: unknown };
    return [msg, details].filter((part) => typeof part === 'string' && part !== '').join(': ') || undefined;
  } catch {
    return undefined;
  }
}
