// One open watch on the pods of a namespace, for benches: which pods are bound, and when that was first seen.
import { POD, type Pod } from '../../src/api/kube.ts';
import { BOUND, LABEL_GATED } from '../../src/api/names.ts';
import type { KubeClient } from '../../src/kernel/kube/client.ts';

export class PodWatch {
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #stop = new AbortController();
  /** Name → when it was seen to be bound. */
  readonly #bound = new Map<string, number>();
  readonly #waiting = new Map<string, (at: number) => void>();

  constructor(client: KubeClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  async start(): Promise<void> {
    const { resourceVersion } = await this.#client.list(POD, { namespace: this.#namespace });
    const path = `/api/v1/namespaces/${this.#namespace}/pods`;
    const query = { watch: 'true', resourceVersion };
    const { lines } = await this.#client.transport.stream({ method: 'GET', path, query, signal: this.#stop.signal });
    this.#follow(lines).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Resolves with the time at which the pod was first seen to be bound. */
  bound(name: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`pod ${name} was not bound within 30 s`)), 30_000);
      this.#waiting.set(name, (at) => {
        clearTimeout(late);
        resolve(at);
      });
    });
  }

  /** How many pods with names that begin so were seen to be bound. */
  countBound(prefix: string): number {
    return [...this.#bound.keys()].filter((name) => name.startsWith(prefix)).length;
  }

  async #follow(lines: AsyncIterable<string>): Promise<void> {
    for await (const line of lines) {
      const at = performance.now();
      const { object } = JSON.parse(line) as { readonly object: Pod };
      const { name, labels } = object.metadata;
      if (labels?.[LABEL_GATED] !== BOUND || this.#bound.has(name)) continue;
      this.#bound.set(name, at);
      this.#waiting.get(name)?.(at);
      this.#waiting.delete(name);
    }
  }
}
