// A reflector on ConfigMaps of one namespace, behind a fault proxy, with a record of everything it told.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseKey } from '../../src/kernel/kube/path.ts';
import type { ReflectorOptions } from '../../src/kernel/watch/reflector.ts';
import { Reflector } from '../../src/kernel/watch/reflector.ts';
import { type Change, Store } from '../../src/kernel/watch/store.ts';
import { type FaultProxy, lists, watches } from './fault-proxy.ts';
import { CONFIG_MAP, type ConfigMap, clientFor } from './kube.ts';
import { silentLogger } from './silent-logger.ts';
import { until } from './until.ts';

export type WatchingOptions = Partial<ReflectorOptions<ConfigMap>>;

export class Watching {
  readonly store = new Store<ConfigMap>({ freeze: true });
  readonly changes: Change<ConfigMap>[] = [];
  readonly reflector: Reflector<ConfigMap>;
  readonly proxy: FaultProxy;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(proxy: FaultProxy, token: string, options: WatchingOptions) {
    this.proxy = proxy;
    this.store.onChange((change) => this.changes.push(change));
    this.reflector = new Reflector({
      client: clientFor({ url: proxy.url, token }),
      kind: CONFIG_MAP,
      store: this.store,
      logger: silentLogger(),
      backoffMs: [20, 100],
      ...options,
    });
  }

  start(): void {
    this.#running = this.reflector.run(this.#stop.signal);
  }

  /** Starts, and waits until the store is filled and a watch is open. */
  async follow(): Promise<void> {
    this.start();
    await this.reflector.synced;
    await until('a watch', () => this.proxy.watchCount > 0);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Values by name, as the store has them. */
  values(): Record<string, string> {
    return Object.fromEntries(this.store.list().map((one) => [one.metadata.name, one.data?.['value'] ?? '']));
  }

  /** Waits until the store holds exactly these values. */
  async shows(expected: Readonly<Record<string, string>>): Promise<void> {
    const wanted = JSON.stringify(Object.entries(expected).sort());
    await until(`the store shows ${wanted}`, () => JSON.stringify(Object.entries(this.values()).sort()) === wanted);
  }

  /** What was told, as `type name`. */
  told(): string[] {
    return this.changes.map((change) => `${change.type} ${change.key.split('/')[1]}`);
  }

  /** What somebody knows who heard of every change and nothing else. Throws where a change does not fit what went before. */
  replayed(): Record<string, string> {
    const known = new Map<string, string>();
    for (const { type, key, old, current } of this.changes) {
      const name = parseKey(key).name;
      if (known.has(name) === (type === 'add')) throw new Error(`${type} of ${name} does not follow`);
      if (current !== undefined && current.metadata.resourceVersion === old?.metadata.resourceVersion) {
        throw new Error(`an update of ${name} that changes nothing`);
      }
      if (current === undefined) known.delete(name);
      else known.set(name, current.data?.['value'] ?? '');
    }
    return Object.fromEntries(known);
  }

  get listCount(): number {
    return this.proxy.requests.filter(lists).length;
  }

  /** The versions that watches started from. */
  watchedFrom(): string[] {
    return this.proxy.requests.filter(watches).map((request) => request.query.get('resourceVersion') ?? '');
  }
}

/** Waits long enough for a mistake to show, where nothing is to happen. */
export const quietly = (ms: number): Promise<void> => sleep(ms);
