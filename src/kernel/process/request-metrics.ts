// What the transport tells, under the names that dashboards for Kubernetes clients already know.
import type { Registry } from 'prom-client';
import Counter from 'prom-client/lib/counter.js';
import Histogram from 'prom-client/lib/histogram.js';
import type { RequestObserver, TransportRequest } from '../kube/transport.ts';

const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15];

export class RequestMetrics implements RequestObserver {
  readonly #requests: Counter<'code' | 'method'>;
  readonly #durations: Histogram<'verb'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#requests = new Counter({
      name: 'rest_client_requests_total',
      help: 'Requests to the API server by HTTP status (<error>: no answer) and method. Starts of watches are among them.',
      labelNames: ['code', 'method'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'How long the API server takes to answer (until the headers are there), by HTTP method.',
      labelNames: ['verb'],
      buckets: SECONDS,
      registers,
    });
  }

  answered(method: TransportRequest['method'], status: number, seconds: number): void {
    this.#requests.inc({ code: status === 0 ? '<error>' : String(status), method });
    this.#durations.observe({ verb: method }, seconds);
  }
}
