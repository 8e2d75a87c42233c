// The bench's own client on the API server: the objects it needs, one open watch on NADs, and a count of the operator's writes.
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '../../src/kernel/kube/client.ts';
import { Transport } from '../../src/kernel/kube/transport.ts';
import type { ControlPlane } from '../support/control-plane.ts';

export interface NadEvent {
  readonly type: string;
  readonly name: string;
  readonly config: string;
}

interface WatchLine {
  readonly type: string;
  readonly object: { readonly metadata: { readonly name: string }; readonly spec?: { readonly config?: string } };
}

export interface Bench {
  readonly client: KubeClient;
  readonly plane: ControlPlane;
  /** Installs the CRDs and a namespace. */
  prepare(namespace: string): Promise<void>;
  /** Calls back for every event on NADs, with the time at which it arrived. */
  onNad(listener: (event: NadEvent, at: number) => void): () => void;
  close(): Promise<void>;
}

export async function openBench(plane: ControlPlane): Promise<Bench> {
  const transport = new Transport({
    server: new URL(plane.url),
    headers: async () => ({ authorization: `Bearer ${plane.token}` }),
    tls: () => ({ ca: readFileSync(plane.caFile) }),
  });
  const listeners = new Set<(event: NadEvent, at: number) => void>();
  const stop = new AbortController();
  const path = '/apis/k8s.cni.cncf.io/v1/network-attachment-definitions';
  const follow = async (lines: AsyncIterable<string>): Promise<void> => {
    for await (const line of lines) {
      const at = performance.now();
      const { type, object } = JSON.parse(line) as WatchLine;
      for (const listener of listeners)
        listener({ type, name: object.metadata.name, config: object.spec?.config ?? '' }, at);
    }
  };
  const openWatch = async () => {
    const deadline = performance.now() + 30_000;
    for (;;) {
      try {
        return await transport.stream({ method: 'GET', path, query: { watch: 'true' }, signal: stop.signal });
      } catch (error) {
        // A new kind answers 404 or 429 for a moment.
        if (performance.now() > deadline) throw error;
        await sleep(200);
      }
    }
  };
  return {
    client: new KubeClient(transport),
    plane,
    prepare: async (namespace) => {
      for (const file of ['test/support/multus-crd.yaml', 'crds/']) await kubectl(plane, ['apply', '-f', file]);
      await kubectl(plane, ['wait', 'crd', '--all', '--for=condition=Established', '--timeout=30s']);
      await kubectl(plane, ['create', 'namespace', namespace]);
      follow((await openWatch()).lines).catch((error: unknown) => {
        if (!stop.signal.aborted) throw error;
      });
    },
    onNad: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      stop.abort();
      transport.close();
    },
  };
}

async function kubectl(plane: ControlPlane, args: readonly string[]): Promise<void> {
  const done = await plane.kubectl([...args]);
  if (done.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${done.stderr}`);
}

/** Resolves with the arrival time of the first event that fits. */
export function watchNads(bench: Bench, fits: (event: NadEvent) => boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      off();
      reject(new Error('the expected event on a NetworkAttachmentDefinition did not come within 30 s'));
    }, 30_000);
    const off = bench.onNad((event, at) => {
      if (!fits(event)) return;
      clearTimeout(late);
      off();
      resolve(at);
    });
  });
}

const WRITES = new Set(['create', 'update', 'patch', 'delete']);

/** Writes on attachments and NADs so far, the creation of the attachments and leases not counted, from the audit log. */
export async function countRequests(bench: Bench): Promise<number> {
  let writes = 0;
  for await (const line of createInterface({ input: createReadStream(bench.plane.auditLog ?? '') })) {
    const event = JSON.parse(line) as { stage: string; verb: string; objectRef?: { resource?: string } };
    if (event.stage !== 'ResponseComplete' || !WRITES.has(event.verb)) continue;
    const resource = event.objectRef?.resource;
    if (resource === 'network-attachment-definitions') writes += 1;
    if (resource === 'macvlanattachments' && event.verb !== 'create') writes += 1;
  }
  return writes;
}
