// Credentials from the files that the kubelet mounts into a pod. Tokens are rotated on disk, so both files are read again.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, monotonicClock } from '../process/clock.ts';
import type { Credentials, TlsOptions } from './transport.ts';

/** Where the kubelet mounts a ServiceAccount. */
export const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

const REREAD_MS = 60_000;

export interface InClusterOptions {
  /** The API server, e.g. from `KUBERNETES_SERVICE_HOST` and `_PORT` by `inClusterServer`. */
  readonly server: URL;
  /** Folder with `token` and `ca.crt`; default the kubelet's mount. */
  readonly directory?: string;
  readonly clock?: Clock;
}

/** The API server's address from a pod's environment; undefined outside a cluster. */
export function inClusterServer(env: Readonly<Record<string, string | undefined>>): URL | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host === undefined || host === '') return undefined;
  return new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`);
}

/** Token and CA of a pod, read again once a minute while they are used. The constructor throws when they are not there. */
export class InClusterCredentials implements Credentials {
  readonly server: URL;
  readonly #directory: string;
  readonly #clock: Clock;
  #token: string;
  #tls: TlsOptions & { readonly ca: string };
  #readAt: number;
  #reading: Promise<boolean> | undefined;

  constructor(options: InClusterOptions) {
    this.server = options.server;
    this.#directory = options.directory ?? SERVICE_ACCOUNT_DIRECTORY;
    this.#clock = options.clock ?? monotonicClock;
    this.#token = readFileSync(join(this.#directory, 'token'), 'utf8').trim();
    this.#tls = { ca: readFileSync(join(this.#directory, 'ca.crt'), 'utf8') };
    this.#readAt = this.#clock.now();
  }

  async headers(): Promise<Record<string, string>> {
    if (this.#clock.now() - this.#readAt >= REREAD_MS) await this.refresh();
    return { authorization: `Bearer ${this.#token}` };
  }

  tls(): TlsOptions {
    return this.#tls;
  }

  /** Reads both files now; keeps what it has when they cannot be read. True when one of them changed. */
  refresh(): Promise<boolean> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<boolean> {
    this.#readAt = this.#clock.now();
    try {
      const [token, ca] = await Promise.all([
        readFile(join(this.#directory, 'token'), 'utf8'),
        readFile(join(this.#directory, 'ca.crt'), 'utf8'),
      ]);
      const changed = token.trim() !== this.#token || ca !== this.#tls.ca;
      this.#token = token.trim();
      if (ca !== this.#tls.ca) this.#tls = { ca };
      return changed;
    } catch {
      return false; // the mount is being replaced: the old token is still good for a while
    }
  }
}
