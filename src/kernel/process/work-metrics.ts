// What controllers and their queues tell, under the names that dashboards for Kubernetes controllers already know.
import type { Registry } from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import Gauge from 'prom-client/lib/gauge.js';
import Histogram from 'prom-client/lib/histogram.js';
import type { Answer, ControllerObserver, WorkerGauges } from '../controller/controller.ts';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The usual words for our answers. `blocked` has none: others retry what cannot succeed. */
const RESULTS: Readonly<Record<Answer['type'], string>> = {
  done: 'success',
  later: 'requeue_after',
  retry: 'error',
  blocked: 'blocked',
};

export class WorkMetrics implements ControllerObserver {
  readonly #reconciles: Counter<'controller' | 'result'>;
  readonly #errors: Counter<'controller'>;
  readonly #durations: Histogram<'controller'>;
  readonly #adds: Counter<'name'>;
  readonly #retries: Counter<'name'>;
  readonly #waits: Histogram<'name'>;
  readonly #work: Histogram<'name'>;
  readonly #depths = new Map<string, () => number>();
  readonly #workers = new Map<string, WorkerGauges>();

  constructor(registry: Registry) {
    const registers = [registry];
    const reconciling = { labelNames: ['controller'] as const, registers };
    const queueing = { labelNames: ['name'] as const, registers };
    this.#reconciles = new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciles by result: success, requeue_after, error, blocked (until something changes).',
      labelNames: ['controller', 'result'],
      registers,
    });
    this.#errors = new Counter({
      ...reconciling,
      name: 'controller_runtime_reconcile_errors_total',
      help: 'Reconciles that failed and are tried again.',
    });
    this.#durations = new Histogram({
      ...reconciling,
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'How long a reconcile takes.',
      buckets: SECONDS,
    });
    this.#adds = new Counter({ ...queueing, name: 'workqueue_adds_total', help: 'Keys that were put into the queue.' });
    this.#retries = new Counter({
      ...queueing,
      name: 'workqueue_retries_total',
      help: 'Keys that were put into the queue again after a failure.',
    });
    this.#waits = new Histogram({
      ...queueing,
      name: 'workqueue_queue_duration_seconds',
      help: 'How long a key waits for a worker.',
      buckets: SECONDS,
    });
    this.#work = new Histogram({
      ...queueing,
      name: 'workqueue_work_duration_seconds',
      help: 'How long a worker is at a key.',
      buckets: SECONDS,
    });
    this.#registerGauges(registry);
  }

  reconciled(controller: string, answer: Answer['type'], seconds: number): void {
    this.#reconciles.inc({ controller, result: RESULTS[answer] });
    if (answer === 'retry') this.#errors.inc({ controller });
    this.#durations.observe({ controller }, seconds);
    this.#work.observe({ name: controller }, seconds);
  }

  queue(controller: string, depth: () => number): void {
    this.#depths.set(controller, depth);
  }

  workers(controller: string, gauges: WorkerGauges): void {
    this.#workers.set(controller, gauges);
  }

  added(controller: string): void {
    this.#adds.inc({ name: controller });
  }

  retried(controller: string): void {
    this.#retries.inc({ name: controller });
  }

  waited(controller: string, seconds: number): void {
    this.#waits.observe({ name: controller }, seconds);
  }

  #registerGauges(registry: Registry): void {
    const workers = this.#workers;
    gauge(registry, { name: 'workqueue_depth', help: 'Keys that wait for a worker.', label: 'name' }, () =>
      [...this.#depths].map(([name, depth]) => [name, depth()]),
    );
    const perWorker = (name: string, help: string, label: string, value: (gauges: WorkerGauges) => number) =>
      gauge(registry, { name, help, label }, () => [...workers].map(([of, gauges]) => [of, value(gauges)]));
    perWorker(
      'workqueue_longest_running_processor_seconds',
      'For how long the key that is worked on longest has been; a large value means that it is stuck.',
      'name',
      (gauges) => gauges.longestSeconds(),
    );
    perWorker('controller_runtime_active_workers', 'Keys that are worked on.', 'controller', (gauges) => gauges.busy());
    perWorker(
      'controller_runtime_max_concurrent_reconciles',
      'How many keys may be worked on at a time.',
      'controller',
      (gauges) => gauges.most,
    );
  }
}

/** A gauge with one label whose values are worked out when it is asked for. */
function gauge(
  registry: Registry,
  { name, help, label }: { readonly name: string; readonly help: string; readonly label: string },
  values: () => readonly (readonly [string, number])[],
): void {
  new Gauge({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      for (const [of, value] of values()) this.set({ [label]: of }, value);
    },
  });
}
