// What reflectors tell, as metrics.
import type { Registry } from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import type { ReflectorState, WatchObserver } from '../watch/reflector.ts';

/** No names are usual for these in the field any more; they carry the process' prefix. */
export class WatchMetrics implements WatchObserver {
  readonly #lists: Counter<'kind'>;
  readonly #watches: Counter<'kind'>;
  readonly #events: Counter<'kind'>;
  readonly #failures: Counter<'kind' | 'status'>;
  readonly #synced: Gauge<'kind'>;

  constructor(prefix: string, registry: Registry) {
    const counter = (name: string, help: string) =>
      new Counter({ name: `${prefix}_${name}`, help, labelNames: ['kind'], registers: [registry] });
    this.#lists = counter('watch_lists_total', 'Full lists of a kind.');
    this.#watches = counter('watch_starts_total', 'Watches that were begun; all but the first of a kind are restarts.');
    this.#events = counter('watch_events_total', 'Watch events, bookmarks included.');
    this.#failures = new Counter({
      name: `${prefix}_watch_failures_total`,
      help: 'Lists and watches that failed, by HTTP status (0: no answer).',
      labelNames: ['kind', 'status'],
      registers: [registry],
    });
    this.#synced = new Gauge({
      name: `${prefix}_watch_synced`,
      help: '1 while the store of a kind follows the API server.',
      labelNames: ['kind'],
      registers: [registry],
    });
  }

  listed(kind: string): void {
    this.#lists.inc({ kind });
  }

  watched(kind: string): void {
    this.#watches.inc({ kind });
  }

  event(kind: string): void {
    this.#events.inc({ kind });
  }

  failed(kind: string, status: number): void {
    this.#failures.inc({ kind, status: String(status) });
  }

  state(kind: string, state: ReflectorState): void {
    this.#synced.set({ kind }, state === 'synced' ? 1 : 0);
  }
}
