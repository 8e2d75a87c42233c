// How fast the controller is on a real API server, against a plain client that makes the same writes itself in the same run.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../src/api/multus.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../../src/api/v1alpha1/attachment.ts';
import type { KubeClient } from '../../src/kernel/kube/client.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { type Bench, countRequests, openBench, watchNads } from './api-bench.ts';
import { formatQuantiles, inFlight, percentile, type Row } from './rows.ts';

const MANY = 1000;
const ROUNDS = 200;
const WIDTH = 16;
const NAMESPACE = 'bench';

export async function attachmentRows(): Promise<readonly Row[]> {
  const plane = await startControlPlane({ audit: 'Metadata' });
  const bench = await openBench(plane);
  try {
    await bench.prepare(NAMESPACE);
    const floor = await plainClient(bench);
    const controller = spawn(process.execPath, ['dist/controller.mjs'], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...process.env,
        KUBECONFIG: plane.kubeconfig,
        POD_NAME: 'bench-0',
        POD_NAMESPACE: 'kube-system',
        AGENT_IMAGE: 'bench:1',
        LOG_LEVEL: 'warn',
        HEALTH_PORT: '0',
        METRICS_PORT: '0',
      },
    });
    try {
      await one(bench, 'warm-up');
      const rows = [await thousand(bench, floor), await quiet(bench), await restored(bench)];
      rows.push(memory(controller.pid ?? 0));
      return rows;
    } finally {
      controller.kill('SIGTERM');
      await new Promise((resolve) => controller.once('exit', resolve));
    }
  } finally {
    await bench.close();
    await plane.stop();
  }
}

function attachment(name: string): MacvlanAttachment {
  return {
    apiVersion: 'macvlan.dev/v1alpha1',
    kind: 'MacvlanAttachment',
    metadata: { name },
    spec: { namespaces: { names: [NAMESPACE] }, ipam: { type: 'DHCP' } },
  };
}

/** The floor: the same objects written by a client that knows beforehand what to write. Gives milliseconds. */
async function plainClient(bench: Bench): Promise<number> {
  const names = Array.from({ length: MANY }, (_, index) => `plain-${index}`);
  const { client } = bench;
  const started = performance.now();
  await inFlight(names, WIDTH, (name) => client.create(ATTACHMENT, attachment(name)));
  await inFlight(names, WIDTH, async (name) => {
    await client.apply(NETWORK_ATTACHMENT_DEFINITION, nad(name), { manager: 'bench' });
    await client.apply(
      ATTACHMENT,
      { ...header(name), status: { observedGeneration: 1, conditions: conditions() } },
      { manager: 'bench', subresource: 'status' },
    );
  });
  const took = performance.now() - started;
  await inFlight(names, WIDTH, (name) => client.delete(ATTACHMENT, { name }));
  await inFlight(names, WIDTH, (name) => client.delete(NETWORK_ATTACHMENT_DEFINITION, { namespace: NAMESPACE, name }));
  return took;
}

function header(name: string): Record<string, unknown> {
  return { apiVersion: 'macvlan.dev/v1alpha1', kind: 'MacvlanAttachment', metadata: { name } };
}

function nad(name: string): object {
  const config = JSON.stringify({
    cniVersion: '1.0.0',
    name,
    plugins: [{ type: 'macvlan', master: 'mva-x', ipam: { type: 'dhcp' } }],
  });
  return {
    apiVersion: 'k8s.cni.cncf.io/v1',
    kind: 'NetworkAttachmentDefinition',
    metadata: { name, namespace: NAMESPACE },
    spec: { config },
  };
}

function conditions(): readonly object[] {
  return ['Accepted', 'Rendered', 'ParentsReady', 'HostAccessReady', 'Ready'].map((type) => ({
    type,
    status: 'True',
    reason: 'Bench',
    message: 'A sentence of a usual length, as a condition has it.',
    lastTransitionTime: '2026-01-01T00:00:00Z',
    observedGeneration: 1,
  }));
}

async function thousand(bench: Bench, floor: number): Promise<Row> {
  const names = Array.from({ length: MANY }, (_, index) => `many-${index}`);
  const before = await countRequests(bench);
  const started = performance.now();
  await inFlight(names, WIDTH, (name) => bench.client.create(ATTACHMENT, attachment(name)));
  await until(async () => (await readyWritten(bench.client, names)) === MANY);
  const took = performance.now() - started;
  const writes = ((await countRequests(bench)) - before) / MANY;
  const ratio = took / floor;
  return {
    work: `${MANY} attachments created, ${WIDTH} in flight → all NADs there, all Ready written`,
    measured: `${(took / 1000).toFixed(2)} s, ${writes.toFixed(2)} writes per attachment`,
    floor: `${(floor / 1000).toFixed(2)} s`,
    ratio: ratio.toFixed(2),
    target: '≤ 1.5, ≤ 4 writes',
    met: ratio <= 1.5 && writes <= 4,
  };
}

/** Attachments of these names whose Ready condition is there and whose NAD exists. */
async function readyWritten(client: KubeClient, names: readonly string[]): Promise<number> {
  const wanted = new Set(names);
  const nads = new Set(
    (await client.list(NETWORK_ATTACHMENT_DEFINITION, { namespace: NAMESPACE })).items.map(
      (item) => item.metadata.name,
    ),
  );
  const all = (await client.list(ATTACHMENT)).items;
  return all.filter(({ metadata: { name }, status }) => {
    const said = status?.conditions?.some((condition) => condition.type === 'Ready') === true;
    return wanted.has(name) && nads.has(name) && said;
  }).length;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('not done within two minutes');
    await sleep(50);
  }
}

/** Milliseconds from the request that creates an attachment until its NAD is seen by a watch. */
async function one(bench: Bench, name: string): Promise<number> {
  const seen = watchNads(bench, (event) => event.name === name && event.type === 'ADDED');
  const started = performance.now();
  await bench.client.create(ATTACHMENT, attachment(name));
  return (await seen) - started;
}

async function quiet(bench: Bench): Promise<Row> {
  const ours: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await one(bench, `quiet-${round}`));
    plain.push(await plainNad(bench, `floor-${round}`));
    await sleep(5);
  }
  const [p50, p99] = [percentile(ours, 0.5), percentile(ours, 0.99)];
  return row('one attachment on a quiet cluster → NAD', {
    ours,
    plain,
    target: 'p50 ≤ 10 ms, p99 ≤ 25 ms',
    met: p50 <= 10 && p99 <= 25,
  });
}

/** The floor of one attachment: a client that makes both requests itself, until a watch has seen the NAD. */
async function plainNad(bench: Bench, name: string): Promise<number> {
  const seen = watchNads(bench, (event) => event.name === name && event.type === 'ADDED');
  const started = performance.now();
  await bench.client.list(ATTACHMENT, { fieldSelector: 'metadata.name=none' });
  await bench.client.apply(NETWORK_ATTACHMENT_DEFINITION, nad(name), { manager: 'bench' });
  return (await seen) - started;
}

async function restored(bench: Bench): Promise<Row> {
  const ours: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const name = `quiet-${round}`;
    const key = { namespace: NAMESPACE, name };
    if (round % 2 === 0) {
      const back = watchNads(bench, (event) => event.name === name && event.type === 'ADDED');
      const started = performance.now();
      await bench.client.delete(NETWORK_ATTACHMENT_DEFINITION, key);
      ours.push((await back) - started);
    } else {
      const back = watchNads(
        bench,
        (event) => event.name === name && event.type === 'MODIFIED' && event.config !== '{}',
      );
      const started = performance.now();
      await bench.client.mergePatch(NETWORK_ATTACHMENT_DEFINITION, key, { spec: { config: '{}' } });
      ours.push((await back) - started);
    }
    const again = watchNads(bench, (event) => event.name === `floor-${round}` && event.type === 'ADDED');
    const started = performance.now();
    await bench.client.delete(NETWORK_ATTACHMENT_DEFINITION, { namespace: NAMESPACE, name: `floor-${round}` });
    await bench.client.apply(NETWORK_ATTACHMENT_DEFINITION, nad(`floor-${round}`), { manager: 'bench' });
    plain.push((await again) - started);
    await sleep(5);
  }
  const [p50, p99] = [percentile(ours, 0.5), percentile(ours, 0.99)];
  return row('NAD deleted or edited → restored', {
    ours,
    plain,
    target: 'p50 ≤ 6 ms, p99 ≤ 15 ms',
    met: p50 <= 6 && p99 <= 15,
  });
}

function row(
  work: string,
  result: { ours: readonly number[]; plain: readonly number[]; target: string; met: boolean },
): Row {
  const { ours, plain, target, met } = result;
  return {
    work,
    measured: formatQuantiles(ours),
    floor: formatQuantiles(plain),
    ratio: (percentile(ours, 0.5) / percentile(plain, 0.5)).toFixed(2),
    target,
    met,
  };
}

/** Resident memory of the controller with all the attachments of this run. */
function memory(pid: number): Row {
  const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN);
  const mib = kib / 1024;
  return {
    work: `controller RSS with ${MANY + ROUNDS} attachments`,
    measured: `${mib.toFixed(0)} MiB`,
    floor: '',
    ratio: '',
    target: '≤ 90 MiB',
    met: mib <= 90,
  };
}
