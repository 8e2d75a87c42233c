// Keeps a store equal to a collection of the API server: list once, then watch for ever. Nothing that goes wrong ends it.
import type { Kind, KubeObject } from '../../api/kube.ts';
import { KubeClient } from '../kube/client.ts';
import { keyOf, pathFor } from '../kube/path.ts';
import { ApiError, type Transport } from '../kube/transport.ts';
import { type Clock, jitter, monotonicClock, sleep } from '../process/clock.ts';
import type { Logger } from '../process/logger.ts';
import type { Store } from './store.ts';
import { isOlderVersion } from './version.ts';
import { errorOf, Gone, type WatchEvent } from './watch-event.ts';

/** `syncing` until the first full list, `failing` while the API server refuses or stays away, else `synced`. */
export type ReflectorState = 'syncing' | 'synced' | 'failing';

/** What a reflector tells about its work; all optional, for metrics. */
export interface WatchObserver {
  listed?(kind: string): void;
  watched?(kind: string): void;
  event?(kind: string): void;
  failed?(kind: string, status: number): void;
  state?(kind: string, state: ReflectorState): void;
}

interface Source {
  /** One of the two is needed. */
  readonly client?: KubeClient;
  readonly transport?: Transport;
}

export interface ReflectorOptions<T extends KubeObject> extends Source {
  readonly kind: Kind<T>;
  readonly store: Store<T>;
  /** Only this namespace; default all. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Cuts an object down before it is stored. `metadata.managedFields` is dropped in any case. */
  readonly transform?: (object: T) => T;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly observer?: WatchObserver | undefined;
  /**
   * Objects per page of a list, and five times as many after ten pages; default 100. A page is in memory several times over while
   * it is read.
   */
  readonly pageSize?: number;
  /** Lists take what the API server has cached: cheaper, but possibly older than what was seen before a restart. Default false. */
  readonly listFromCache?: boolean;
  /** The first list waits a random time up to this, so that many agents do not come at once; default 0. */
  readonly firstListDelayMs?: number;
  /** How long the server is asked to keep a watch, chosen at random between the two; default [240, 480]. */
  readonly watchSeconds?: readonly [number, number];
  /** How long past that we wait for it to end before we take the peer for dead; default 15 000. */
  readonly watchGraceMs?: number;
  /** First and longest pause after a failure, in milliseconds; default [800, 30 000]. */
  readonly backoffMs?: readonly [number, number];
}

const FAILURES_BEFORE_FAILING = 3; // one broken connection is no news; 401, 403 and 404 are, at once
const SMALL_PAGES = 10; // of a list, before the larger ones
const LARGE_PAGE = 5; // times a small one
const STANDS_AFTER_MS = 1000; // a watch that is open for this long works, although nothing has happened yet

/** See `run`. One reflector per kind and selector. */
export class Reflector<T extends KubeObject> {
  /** Resolves after the first full list. Stays pending while the kind is missing or forbidden. */
  readonly synced: Promise<void>;
  /** Resolves after the first full list or when the server first said that the kind is not there (404). */
  readonly settled: Promise<void>;
  readonly #options: ReflectorOptions<T>;
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #handlers: ((state: ReflectorState) => void)[] = [];
  #resolveSynced: () => void = () => {};
  #resolveSettled: () => void = () => {};
  #state: ReflectorState = 'syncing';
  #listedOnce = false;
  #lastError: unknown;
  #version = '';
  #failures = 0;
  /** The last watch ended before its time: another server may answer from now on, or the same one with other data. */
  #wasCutOff = false;
  #wake = new AbortController();

  constructor(options: ReflectorOptions<T>) {
    const client = options.client ?? (options.transport === undefined ? undefined : new KubeClient(options.transport));
    if (client === undefined) throw new Error('a reflector needs a client or a transport');
    this.#client = client;
    this.#options = options;
    this.#clock = options.clock ?? monotonicClock;
    this.#logger = options.logger.child({ watch: options.kind.plural });
    this.synced = new Promise((resolve) => {
      this.#resolveSynced = resolve;
    });
    this.settled = new Promise((resolve) => {
      this.#resolveSettled = resolve;
    });
    options.store.onHandlerError((err, key) => this.#logger.error({ err, key }, 'a change handler threw'));
  }

  state(): ReflectorState {
    return this.#state;
  }

  /** What went wrong last, while the state is not `synced`. An ApiError with status 404 means that the kind is not there. */
  lastError(): unknown {
    return this.#lastError;
  }

  /** True when the server says that it does not serve this kind, which is not the same as an empty collection. */
  kindIsMissing(): boolean {
    return this.#lastError instanceof ApiError && this.#lastError.status === 404;
  }

  /** Calls `handler` at each change of state from now on. */
  onStateChange(handler: (state: ReflectorState) => void): void {
    this.#handlers.push(handler);
  }

  /** Ends a pause after a failure, e.g. because the missing kind has just been seen to arrive. */
  retryNow(): void {
    this.#wake.abort();
  }

  /** Lists and watches until `signal` aborts; then resolves. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await sleep(this.#clock, Math.random() * (this.#options.firstListDelayMs ?? 0), signal);
    while (!signal.aborted) {
      try {
        if (this.#version !== '' && this.#wasCutOff) await this.#forgetIfRestored(signal);
        if (this.#version === '') await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#wasCutOff = true;
        await this.#recover(error, signal);
      }
    }
  }

  /**
   * After etcd was restored from a backup, a watch from our version stands and is silent, until other changes have come to that version: the
   * server has never had it. So it is asked where it is, by a list of one object.
   */
  async #forgetIfRestored(signal: AbortSignal): Promise<void> {
    const { kind, namespace, labelSelector, fieldSelector } = this.#options;
    const one = { namespace, labelSelector, fieldSelector, limit: 1, signal };
    const { resourceVersion: now } = await this.#client.listPage(kind, one);
    this.#wasCutOff = false;
    if (!isOlderVersion(now, this.#version)) return;
    this.#logger.warn({ seen: this.#version, now }, 'the API server is behind what it has said: listing again');
    this.#version = '';
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { kind, store } = this.#options;
    this.#options.observer?.listed?.(kind.plural);
    const seen = new Set<string>();
    let continueToken = '';
    let version: string;
    do {
      const page = await this.#client.listPage(kind, {
        namespace: this.#options.namespace,
        labelSelector: this.#options.labelSelector,
        fieldSelector: this.#options.fieldSelector,
        resourceVersion: this.#options.listFromCache === true && continueToken === '' ? '0' : undefined,
        limit: this.#pageAfter(seen.size),
        continueToken,
        signal,
      });
      for (const object of page.items) {
        seen.add(keyOf(object));
        store.upsert(this.#cut(object));
      }
      continueToken = page.continueToken;
      version = page.resourceVersion;
    } while (continueToken !== '');
    for (const key of [...store.keys()]) if (!seen.has(key)) store.remove(key);
    this.#version = version;
    this.#listedOnce = true;
    this.#setState('synced', undefined);
    this.#resolveSynced();
    this.#resolveSettled();
  }

  /** Who has so many objects has the memory for larger pages, and would wait for a hundred small ones, one after the other. */
  #pageAfter(count: number): number {
    const { pageSize = 100 } = this.#options;
    return count < SMALL_PAGES * pageSize ? pageSize : LARGE_PAGE * pageSize;
  }

  // Returns when the server ended the watch in time or went silent: both mean "watch again from where we are".
  async #watch(signal: AbortSignal): Promise<void> {
    const { kind, watchSeconds: [least, most] = [240, 480] } = this.#options;
    this.#options.observer?.watched?.(kind.plural);
    const seconds = Math.max(1, Math.round(least + Math.random() * (most - least)));
    const silence = new AbortController();
    const cancel = this.#clock.after(seconds * 1000 + (this.#options.watchGraceMs ?? 15_000), () => silence.abort());
    const due = this.#clock.now() + (seconds - 1) * 1000;
    let stood = false;
    const progress = () => {
      stood = true;
      this.#progress();
    };
    let cancelStood = () => {};
    try {
      const response = await this.#openWatch(seconds, AbortSignal.any([signal, silence.signal]));
      cancelStood = this.#clock.after(STANDS_AFTER_MS, progress);
      for await (const line of response.lines) {
        this.#take(JSON.parse(line) as WatchEvent<T>); // half a line throws, and we watch again from the last whole one
        progress();
      }
    } catch (error) {
      if (signal.aborted || !silence.signal.aborted) throw error;
      this.#logger.info('the watch went silent past its end, starting it again');
      return;
    } finally {
      cancel();
      cancelStood();
    }
    if (this.#clock.now() < due) this.#wasCutOff = true;
    // A proxy that ends every watch at once would otherwise be asked in a tight loop.
    if (!stood) throw new Error('the watch ended at once, with nothing said');
  }

  #openWatch(seconds: number, signal: AbortSignal) {
    return this.#client.transport.stream({
      method: 'GET',
      path: pathFor(this.#options.kind, { namespace: this.#options.namespace }),
      query: {
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: this.#version,
        timeoutSeconds: seconds,
        labelSelector: this.#options.labelSelector,
        fieldSelector: this.#options.fieldSelector,
      },
      signal,
    });
  }

  #take(event: WatchEvent<T>): void {
    const { kind, store } = this.#options;
    if (event.type === 'ERROR') throw errorOf(event.object);
    this.#options.observer?.event?.(kind.plural);
    if (event.type === 'DELETED') store.remove(keyOf(event.object), this.#cut(event.object));
    else if (event.type !== 'BOOKMARK') store.upsert(this.#cut(event.object));
    this.#version = event.object.metadata.resourceVersion ?? this.#version;
  }

  #progress(): void {
    this.#failures = 0;
    this.#lastError = undefined;
    if (this.#state === 'failing') this.#setState('synced', undefined);
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const status = error instanceof ApiError ? error.status : 0;
    this.#options.observer?.failed?.(this.#options.kind.plural, status);
    this.#failures += 1;
    if (error instanceof Gone || status === 410) {
      this.#version = '';
      if (this.#failures === 1) return;
    }
    // The kind went away. Its objects stay in the store: an older API server of a set that is being upgraded says the same,
    // and acting on "all are deleted" would be worse than acting late. The list that follows says what is really gone.
    if (status === 404) {
      this.#version = '';
      this.#resolveSettled();
    }
    if (this.#failures >= FAILURES_BEFORE_FAILING || (status >= 401 && status <= 404)) this.#setState('failing', error);
    else this.#lastError = error;
    await this.#pause(error, signal);
  }

  async #pause(error: unknown, signal: AbortSignal): Promise<void> {
    const [first, longest] = this.#options.backoffMs ?? [800, 30_000];
    const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    const ms = Math.max(jitter(Math.min(first * 2 ** Math.min(this.#failures - 1, 30), longest)), asked);
    this.#logger.warn({ err: error, failures: this.#failures, pauseMs: Math.round(ms) }, 'watch interrupted');
    this.#wake = new AbortController();
    await sleep(this.#clock, ms, AbortSignal.any([signal, this.#wake.signal]));
  }

  #setState(state: ReflectorState, error: unknown): void {
    this.#lastError = error;
    const next = state === 'synced' && !this.#listedOnce ? 'syncing' : state;
    if (next === this.#state) return;
    this.#state = next;
    this.#options.observer?.state?.(this.#options.kind.plural, next);
    for (const handler of this.#handlers) {
      try {
        handler(next);
      } catch (err) {
        this.#logger.error({ err }, 'a state handler threw');
      }
    }
  }

  // managedFields is most of an object's bytes, and nobody here reads it.
  #cut(object: T): T {
    const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { managedFields?: unknown };
    const cut = { ...object, metadata } as T;
    return this.#options.transform?.(cut) ?? cut;
  }
}
