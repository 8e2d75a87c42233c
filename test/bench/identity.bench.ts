// How soon pods that ask for an identity are bound: one at a time, a thousand at once, and with ten thousand identities known.
import { setTimeout as sleep } from 'node:timers/promises';
import { NODE, POD, type Pod, SECRET } from '../../src/api/kube.ts';
import { SEED_SECRET } from '../../src/api/names.ts';
import { ATTACHMENT } from '../../src/api/v1alpha1/attachment.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import type { ControllerProcess } from '../support/controller-process.ts';
import { metricSum } from '../support/metrics-text.ts';
import { type Bench, openBench } from './api-bench.ts';
import { namesOf, waitFor } from './batch.ts';
import { cpuMs, residentMiB, startBenchController } from './controller.ts';
import { gatedPod, HOME, LAN, plainBinding, settledPod } from './identity-plain.ts';
import { attachment, WIDTH } from './plain.ts';
import { PodWatch } from './pod-watch.ts';
import { formatQuantiles, inFlight, percentile, type Row } from './rows.ts';
import { fullNode } from './simulated-node.ts';

const ROUNDS = 200;
const PAUSE_MS = 20;
const MANY = 1000;
const KNOWN = 10_000;
/** The plain client's identities have these numbers, beyond the known ones. */
let plainOnes = 20_000;
const nextPlain = () => plainOnes++;
/** So many pods in a row, before it is the other one's turn: the controller's Lease lasts for 15 s. */
const TURN = 25;
/** After so long the controller has caught up with what the plain client did meanwhile. */
const THAW_MS = 500;
/** How long a process is left alone before its memory is read. */
const SETTLE_MS = 3000;

export async function identityRows(): Promise<readonly Row[]> {
  const plane = await startControlPlane();
  const bench = await openBench(plane);
  const watch = new PodWatch(bench.client, HOME);
  let controller: ControllerProcess | undefined;
  try {
    await bench.prepare(HOME);
    const ranges = [{ subnet: '10.0.0.0/8', start: '10.2.0.0', end: '10.2.255.255' }];
    const spec = { ...attachment(LAN).spec, ipam: { type: 'Pool', pool: { ranges } } } as const;
    await bench.client.create(ATTACHMENT, { metadata: { name: LAN }, spec });
    await bench.client.create(NODE, fullNode('bench-node'));
    // With claims and without a seed the controller would wait for the seed to be restored.
    const data = { seed: Buffer.alloc(32, 'bench').toString('base64') };
    await bench.client.create(SECRET, { metadata: { name: SEED_SECRET, namespace: 'kube-system' }, data });
    await watch.start();
    const floor = await plainMany(bench);
    controller = await startBenchController(plane);
    await bound(bench, watch, 'warm-up');
    const rows = [await quietRow({ bench, watch, controller }, 'few'), await manyRow(bench, watch, floor)];
    await controller.stop();
    await inFlight(numbersTo(KNOWN), WIDTH, (index) => settledPod(bench.client, index));
    const started = performance.now();
    controller = await startBenchController(plane);
    rows.push(await restartRow(controller, started), await memoryRow(controller));
    rows.push(await quietRow({ bench, watch, controller }, 'known', `, with ${KNOWN} identities known`));
    return rows;
  } finally {
    watch.stop();
    await controller?.stop();
    await bench.close();
    await plane.stop();
  }
}

interface Quiet {
  readonly bench: Bench;
  readonly watch: PodWatch;
  readonly controller: ControllerProcess;
}

/** Pods one after the other: some by the controller, then some by the plain client while the controller is frozen, and so on. */
async function quietRow({ bench, watch, controller }: Quiet, prefix: string, when = ''): Promise<Row> {
  const ours: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round < ROUNDS; round += TURN) {
    for (let i = round; i < round + TURN; i++) {
      ours.push(await bound(bench, watch, `${prefix}-${i}`));
      await sleep(PAUSE_MS);
    }
    controller.signal('SIGSTOP');
    for (let i = round; i < round + TURN; i++) {
      plain.push(await boundPlainly(bench, watch, `plain-${prefix}-${i}`));
      await sleep(PAUSE_MS);
    }
    controller.signal('SIGCONT');
    await sleep(THAW_MS);
  }
  return {
    work: `gated pod → bound (two claims, identity, holder, pod)${when}`,
    measured: formatQuantiles(ours),
    floor: formatQuantiles(plain),
    ratio: (percentile(ours, 0.5) / percentile(plain, 0.5)).toFixed(2),
    target: 'p50 ≤ 20 ms, p99 ≤ 60 ms',
    met: percentile(ours, 0.5) <= 20 && percentile(ours, 0.99) <= 60,
  };
}

/** Milliseconds from the request that makes a gated pod until a watch shows it bound. */
async function bound({ client }: Bench, watch: PodWatch, name: string): Promise<number> {
  const seen = watch.bound(name);
  const started = performance.now();
  await client.create(POD, gatedPod(name));
  return (await seen) - started;
}

/** The same, where the plain client binds it. */
async function boundPlainly({ client }: Bench, watch: PodWatch, name: string): Promise<number> {
  const seen = watch.bound(name);
  const started = performance.now();
  await plainBinding(client, await client.create(POD, gatedPod(name)), nextPlain());
  return (await seen) - started;
}

async function manyRow({ client }: Bench, watch: PodWatch, floor: number): Promise<Row> {
  const started = performance.now();
  await inFlight(namesOf('many', MANY), WIDTH, (name) => client.create(POD, gatedPod(name)));
  await waitFor('all to be bound', async () => watch.countBound('many-') === MANY, 5);
  const took = performance.now() - started;
  return {
    work: `${MANY} gated pods made at once, ${WIDTH} in flight → all bound`,
    measured: `${(took / 1000).toFixed(2)} s`,
    floor: `${(floor / 1000).toFixed(2)} s`,
    ratio: (took / floor).toFixed(2),
    target: '≤ 1.5',
    met: took / floor <= 1.5,
  };
}

/** The same by a plain client, before there is a controller. Milliseconds. */
async function plainMany({ client }: Bench): Promise<number> {
  const started = performance.now();
  const made: Pod[] = [];
  await inFlight(namesOf('plain-many', MANY), WIDTH, async (name) =>
    made.push(await client.create(POD, gatedPod(name))),
  );
  await inFlight(made, WIDTH, (pod) => plainBinding(client, pod, nextPlain()));
  return performance.now() - started;
}

const REQUESTS = 'rest_client_requests_total';

/** From the start of the process until it is ready, and until it has looked at every identity; then whether it wrote anything. */
async function restartRow(controller: ControllerProcess, startedAt: number): Promise<Row> {
  await controller.ready();
  const synced = (performance.now() - startedAt) / 1000;
  const cpu = cpuMs(controller.pid) / 1000;
  const count = async (name: string, labels = {}) => metricSum(await controller.metrics(), name, labels);
  const looked = () => count('controller_runtime_reconcile_total', { controller: 'identities' });
  await waitFor('a look at every identity', async () => (await looked()) >= KNOWN);
  const done = (performance.now() - startedAt) / 1000;
  await sleep(SETTLE_MS);
  const [patches, posts] = [await count(REQUESTS, { method: 'PATCH' }), await count(REQUESTS, { method: 'POST' })];
  const writes = patches + posts;
  return {
    work: `restart with ${KNOWN} identities → synced (→ each looked at), then writes`,
    measured: `${synced.toFixed(2)} s, ${cpu.toFixed(1)} s of CPU (${done.toFixed(2)} s), ${writes} writes`,
    floor: '',
    ratio: (synced / 3).toFixed(2),
    target: '≤ 3 s, no write',
    met: synced <= 3 && writes === 0,
  };
}

async function memoryRow({ pid }: ControllerProcess): Promise<Row> {
  await sleep(SETTLE_MS);
  const mib = residentMiB(pid);
  return {
    work: `controller RSS with ${KNOWN} identities, their pods and ${2 * KNOWN} claims`,
    measured: `${mib.toFixed(0)} MiB`,
    floor: '',
    ratio: (mib / 200).toFixed(2),
    target: '≤ 200 MiB',
    met: mib <= 200,
  };
}

function numbersTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}
