// Credentials from a kubeconfig, with client-node's plugins (exec, OIDC, files). The one place that may import client-node.
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { type Clock, monotonicClock } from '../process/clock.ts';
import type { Credentials, TlsOptions } from './transport.ts';

const REFRESH_MS = 60_000;

export interface KubeConfigOptions {
  /** Path of a kubeconfig; default what client-node finds (KUBECONFIG, ~/.kube/config, a pod's files). */
  readonly path?: string | undefined;
  /** A context in it; default the current one. */
  readonly context?: string | undefined;
  readonly clock?: Clock;
}

/** Credentials of one context of a kubeconfig. The constructor throws when there is no usable cluster in it. */
export class KubeConfigCredentials implements Credentials {
  readonly server: URL;
  /** The namespace that the context names, if any. */
  readonly namespace: string | undefined;
  readonly #config = new KubeConfig();
  readonly #clock: Clock;
  #headers: Record<string, string> = {};
  #tls: TlsOptions = {};
  #loadedAt = Number.NEGATIVE_INFINITY;

  constructor(options: KubeConfigOptions = {}) {
    this.#clock = options.clock ?? monotonicClock;
    if (options.path === undefined) this.#config.loadFromDefault();
    else this.#config.loadFromFile(options.path);
    if (options.context !== undefined) this.#config.setCurrentContext(options.context);
    const cluster = this.#config.getCurrentCluster();
    if (cluster === null)
      throw new Error(`no cluster for context "${this.#config.getCurrentContext()}" in the kubeconfig`);
    this.server = new URL(cluster.server);
    this.namespace = this.#config.getContextObject(this.#config.getCurrentContext())?.namespace;
  }

  async headers(): Promise<Record<string, string>> {
    if (this.#clock.now() - this.#loadedAt >= REFRESH_MS) await this.#load();
    return this.#headers;
  }

  tls(): TlsOptions {
    return this.#tls;
  }

  /** Asks the plugins again. True when they gave something new. */
  async refresh(): Promise<boolean> {
    const before = JSON.stringify(this.#headers);
    const tls = this.#tls;
    await this.#load();
    return JSON.stringify(this.#headers) !== before || this.#tls !== tls;
  }

  async #load(): Promise<void> {
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    this.#headers = authorizationOf(options);
    const tls = tlsOf(options);
    // A new object means new connections: keep the old one while it says the same.
    if (!sameTls(tls, this.#tls)) this.#tls = tls;
    this.#loadedAt = this.#clock.now();
  }
}

function authorizationOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value !== undefined) headers[name.toLowerCase()] = String(value);
  }
  if (typeof options.auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return headers;
}

function tlsOf(options: RequestOptions): TlsOptions {
  return {
    ...pem('ca', options.ca),
    ...pem('cert', options.cert),
    ...pem('key', options.key),
    ...(options.rejectUnauthorized === false ? { rejectUnauthorized: false } : {}),
    ...(options.servername === undefined ? {} : { servername: options.servername }),
  };
}

function pem(name: 'ca' | 'cert' | 'key', value: unknown): TlsOptions {
  return typeof value === 'string' || Buffer.isBuffer(value) ? { [name]: value } : {};
}

function sameTls(a: TlsOptions, b: TlsOptions): boolean {
  return fingerprint(a) === fingerprint(b);
}

function fingerprint(tls: TlsOptions): string {
  return JSON.stringify(
    [tls.ca, tls.cert, tls.key].map(String).concat(String(tls.rejectUnauthorized), tls.servername ?? ''),
  );
}
