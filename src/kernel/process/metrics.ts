// What the kernel measures of itself, in the Prometheus text format. A process adds its own metrics to `registry`.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import Registry from 'prom-client/lib/registry.js';
import type { Answer, ControllerObserver } from '../controller/controller.ts';
import type { ReflectorState, WatchObserver } from '../watch/reflector.ts';

export interface MetricsOptions {
  /** In front of every name; default `macvlan`. */
  readonly prefix?: string;
  /** How often the event loop is sampled; default 500 ms. Each sample wakes the process. */
  readonly loopResolutionMs?: number;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Pass it as `metrics` to controllers and as `observer` (its `watch`) to reflectors. */
export class Metrics implements ControllerObserver {
  readonly registry = new Registry();
  readonly #prefix: string;
  readonly #loop: ReturnType<typeof monitorEventLoopDelay>;
  readonly #reconciles: Counter<'controller' | 'answer'>;
  readonly #durations: Histogram<'controller'>;
  readonly #depths = new Map<string, () => number>();
  readonly #watch: WatchMetrics;
  readonly #leader: Gauge;

  constructor(options: MetricsOptions = {}) {
    this.#prefix = options.prefix ?? 'macvlan';
    const registers = [this.registry];
    this.#reconciles = new Counter({
      name: this.#name('reconciles_total'),
      help: 'Reconciles by controller and answer (done, later, retry, blocked).',
      labelNames: ['controller', 'answer'],
      registers,
    });
    this.#durations = new Histogram({
      name: this.#name('reconcile_duration_seconds'),
      help: 'How long a reconcile takes.',
      labelNames: ['controller'],
      buckets: SECONDS,
      registers,
    });
    this.#leader = new Gauge({ name: this.#name('leader'), help: '1 while this process leads.', registers });
    this.#watch = new WatchMetrics(this.#prefix, this.registry);
    this.#registerQueueDepth();
    this.#loop = monitorEventLoopDelay({ resolution: options.loopResolutionMs ?? 500 });
    this.#registerLoopDelay();
    this.#registerProcess();
  }

  /** For reflectors. */
  get watch(): WatchObserver {
    return this.#watch;
  }

  reconciled(controller: string, answer: Answer['type'], seconds: number): void {
    this.#reconciles.inc({ controller, answer });
    this.#durations.observe({ controller }, seconds);
  }

  queue(controller: string, depth: () => number): void {
    this.#depths.set(controller, depth);
  }

  leading(leads: boolean): void {
    this.#leader.set(leads ? 1 : 0);
  }

  /** Everything, as Prometheus reads it. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  /** Begins to sample the event loop, which keeps no process alive. */
  start(): void {
    this.#loop.enable();
  }

  stop(): void {
    this.#loop.disable();
  }

  #name(suffix: string): string {
    return `${this.#prefix}_${suffix}`;
  }

  #registerQueueDepth(): void {
    const depths = this.#depths;
    new Gauge({
      name: this.#name('queue_depth'),
      help: 'Keys that wait for a worker.',
      labelNames: ['controller'],
      registers: [this.registry],
      collect() {
        for (const [controller, depth] of depths) this.set({ controller }, depth());
      },
    });
  }

  #registerLoopDelay(): void {
    const loop = this.#loop;
    new Gauge({
      name: this.#name('event_loop_delay_max_seconds'),
      help: 'The longest time for which the event loop was late since the last scrape.',
      registers: [this.registry],
      collect() {
        this.set(loop.count === 0 ? 0 : loop.max / 1e9);
        loop.reset();
      },
    });
  }

  #registerProcess(): void {
    const registers = [this.registry];
    new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Resident memory.',
      registers,
      collect() {
        this.set(process.memoryUsage.rss());
      },
    });
    new Gauge({
      name: 'process_cpu_seconds_total',
      help: 'User and system CPU time.',
      registers,
      collect() {
        const { user, system } = process.cpuUsage();
        this.set((user + system) / 1e6);
      },
    });
  }
}

class WatchMetrics implements WatchObserver {
  readonly #lists: Counter<'kind'>;
  readonly #watches: Counter<'kind'>;
  readonly #events: Counter<'kind'>;
  readonly #failures: Counter<'kind' | 'status'>;
  readonly #synced: Gauge<'kind'>;

  constructor(prefix: string, registry: Registry) {
    const counter = (name: string, help: string) =>
      new Counter({ name: `${prefix}_${name}`, help, labelNames: ['kind'], registers: [registry] });
    this.#lists = counter('watch_lists_total', 'Full lists of a kind.');
    this.#watches = counter('watch_starts_total', 'Watches that were begun.');
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
