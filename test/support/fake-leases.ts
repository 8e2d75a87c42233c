// The Lease collection of an API server in memory, with what can go wrong on the way to it. Flow tests use the real one.
import type { Kind, KubeObject } from '../../src/api/kube.ts';
import type { Key } from '../../src/kernel/kube/client.ts';
import { ApiError } from '../../src/kernel/kube/transport.ts';
import type { Lease } from '../../src/kernel/leader/lease.ts';

/** What all candidates share. */
export class FakeLeases {
  lease: Lease | undefined;
  version = 0;

  write(lease: Lease): Lease {
    this.version += 1;
    this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(this.version) } };
    return this.lease;
  }

  /** One candidate's connection to it. */
  connect(): LeaseConnection {
    return new LeaseConnection(this);
  }
}

/** `ok`, `down` (refused at once), `silent` (no answer), `one-way` (writes arrive, answers do not). */
type Weather = 'ok' | 'down' | 'silent' | 'one-way';

export class LeaseConnection {
  weather: Weather = 'ok';
  writes = 0;
  readonly #server: FakeLeases;

  constructor(server: FakeLeases) {
    this.#server = server;
  }

  get = <T extends KubeObject>(_kind: Kind<T>, _key: Key, signal?: AbortSignal): Promise<T | undefined> =>
    this.#pass(signal, () => this.#server.lease as T | undefined);

  create = <T extends KubeObject>(_kind: Kind<T>, object: T, signal?: AbortSignal): Promise<T> =>
    this.#pass(signal, () => {
      if (this.#server.lease !== undefined) throw new ApiError('exists', { status: 409, reason: 'AlreadyExists' });
      return this.#write(object);
    });

  replace = <T extends KubeObject>(_kind: Kind<T>, object: T, signal?: AbortSignal): Promise<T> =>
    this.#pass(signal, () => {
      if (this.#server.lease === undefined) throw new ApiError('gone', { status: 404, reason: 'NotFound' });
      if (this.#server.lease.metadata.resourceVersion !== object.metadata.resourceVersion) {
        throw new ApiError('changed', { status: 409, reason: 'Conflict' });
      }
      return this.#write(object);
    });

  #write<T extends KubeObject>(object: T): T {
    this.writes += 1;
    return this.#server.write(object as Lease) as KubeObject as T;
  }

  async #pass<R>(signal: AbortSignal | undefined, act: () => R): Promise<R> {
    await Promise.resolve();
    if (this.weather === 'down') throw new Error('connect ECONNREFUSED');
    if (this.weather === 'ok') return act();
    if (this.weather === 'one-way') act();
    return new Promise<R>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
  }
}
