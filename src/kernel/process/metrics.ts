// What the kernel measures of itself, in the Prometheus text format. A process adds its own metrics to `registry`.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import Gauge from 'prom-client/lib/gauge.js';
import Registry from 'prom-client/lib/registry.js';
import type { ControllerObserver } from '../controller/controller.ts';
import type { RequestObserver } from '../kube/transport.ts';
import type { WatchObserver } from '../watch/reflector.ts';
import { RequestMetrics } from './request-metrics.ts';
import { WatchMetrics } from './watch-metrics.ts';
import { WorkMetrics } from './work-metrics.ts';

export interface MetricsOptions {
  /** In front of every name that is not usual in the field; default `macvlan`. */
  readonly prefix?: string;
  /** How often the event loop is sampled; default 500 ms. Each sample wakes the process. */
  readonly loopResolutionMs?: number;
  /** Name of the Lease that this process campaigns for; without one there is nothing to say about leading. */
  readonly lease?: string;
}

export class Metrics {
  readonly registry = new Registry();
  /** For controllers. */
  readonly work: ControllerObserver;
  /** For reflectors. */
  readonly watch: WatchObserver;
  /** For the transport. */
  readonly requests: RequestObserver;
  readonly #prefix: string;
  readonly #loop: ReturnType<typeof monitorEventLoopDelay>;
  readonly #setLeading: (leads: boolean) => void;

  constructor(options: MetricsOptions = {}) {
    this.#prefix = options.prefix ?? 'macvlan';
    this.work = new WorkMetrics(this.registry);
    this.watch = new WatchMetrics(this.#prefix, this.registry);
    this.requests = new RequestMetrics(this.registry);
    this.#setLeading = options.lease === undefined ? () => {} : this.#registerLeader(options.lease);
    this.#loop = monitorEventLoopDelay({ resolution: options.loopResolutionMs ?? 500 });
    this.#registerLoopDelay();
    this.#registerProcess();
  }

  leading(leads: boolean): void {
    this.#setLeading(leads);
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

  #registerLeader(name: string): (leads: boolean) => void {
    const leader = new Gauge({
      name: 'leader_election_master_status',
      help: '1 while this process leads, by the name of the Lease.',
      labelNames: ['name'],
      registers: [this.registry],
    });
    leader.set({ name }, 0);
    return (leads) => leader.set({ name }, leads ? 1 : 0);
  }

  #registerLoopDelay(): void {
    const loop = this.#loop;
    new Gauge({
      name: `${this.#prefix}_event_loop_delay_max_seconds`,
      help: 'The longest time for which the event loop was late since the last scrape.',
      registers: [this.registry],
      collect() {
        this.set(loop.count === 0 ? 0 : loop.max / 1e9);
        loop.reset();
      },
    });
  }

  #registerProcess(): void {
    this.#gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
    this.#gauge('process_cpu_seconds_total', 'User and system CPU time.', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
    const startedAt = Date.now() / 1000 - process.uptime();
    this.#gauge('process_start_time_seconds', 'When the process started, in seconds since 1970.', () => startedAt);
  }

  #gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(value());
      },
    });
  }
}
