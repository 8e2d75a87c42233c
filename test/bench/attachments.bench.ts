// How fast the controller is with attachments on a real API server, what it costs, and what it does when there is nothing to do.
import { setTimeout as sleep } from 'node:timers/promises';
import { NODE } from '../../src/api/kube.ts';
import { ATTACHMENT } from '../../src/api/v1alpha1/attachment.ts';
import { NODE_STATE } from '../../src/api/v1alpha1/node-state.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { auditedRequests, writesAmong } from '../support/audit.ts';
import type { ControllerProcess } from '../support/controller-process.ts';
import { metricSum } from '../support/metrics-text.ts';
import { type Bench, countRequests, openBench } from './api-bench.ts';
import { createBatch, deleteBatch, waitFor } from './batch.ts';
import { cpuMs, residentMiB, startBenchController } from './controller.ts';
import { LATENCY_ROUNDS, oneAttachment, quietRow, restoredRow } from './latency.ts';
import { NAMESPACE, plainClient, WIDTH } from './plain.ts';
import type { Row } from './rows.ts';
import { fullNode, reportFor } from './simulated-node.ts';

const MANY = 1000;
const NODE_NAME = 'bench-node';
/** So many more at once, each time with the earlier ones still there. */
const STEPS = [100, 300, 1000];
const REST_MS = 30_000;
/** How long a process is left alone before its memory is read. */
const SETTLE_MS = 3000;
const CONTROLLER = { token: 'token-of-the-controller', user: 'controller', groups: ['system:masters'] };

export async function attachmentRows(): Promise<readonly Row[]> {
  const plane = await startControlPlane({ audit: 'Metadata', users: [CONTROLLER] });
  const bench = await openBench(plane);
  let controller: ControllerProcess | undefined;
  try {
    await bench.prepare(NAMESPACE);
    const floor = await plainClient(bench, MANY);
    controller = await startBenchController(plane, { token: CONTROLLER.token });
    await oneAttachment(bench, 'warm-up');
    const rows = [await thousandRow(bench, floor), await memoryRow('after rendering them', controller)];
    rows.push(await quietRow(bench), await restoredRow(bench));
    await deleteBatch(bench, 'quiet', LATENCY_ROUNDS);
    await controller.stop();
    const before = performance.now();
    controller = await startBenchController(plane, { token: CONTROLLER.token });
    rows.push(await restartRow(bench, controller, before), await memoryRow('after a restart', controller));
    await reportAllReady(bench);
    rows.push(await restRow(bench));
    await removeNode(bench);
    await deleteBatch(bench, 'many', MANY);
    rows.push(...(await costRows(bench, controller)));
    return rows;
  } finally {
    await controller?.stop();
    await bench.close();
    await plane.stop();
  }
}

async function thousandRow(bench: Bench, floor: number): Promise<Row> {
  const before = await countRequests(bench);
  const took = await createBatch(bench, 'many', MANY);
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

/** Resident memory as it is for long: a moment after the work, with nothing under way. */
async function memoryRow(when: string, { pid }: ControllerProcess): Promise<Row> {
  await sleep(SETTLE_MS);
  const mib = residentMiB(pid);
  return {
    work: `controller RSS with ${MANY} attachments, ${when}`,
    measured: `${mib.toFixed(0)} MiB`,
    floor: '',
    ratio: (mib / 90).toFixed(2),
    target: '≤ 90 MiB',
    met: mib <= 90,
  };
}

/** From the start of the process until it is ready; then whether it found anything to write. */
async function restartRow(bench: Bench, controller: ControllerProcess, startedAt: number): Promise<Row> {
  const from = Date.now();
  await controller.ready();
  const synced = (performance.now() - startedAt) / 1000;
  const looked = async () =>
    metricSum(await controller.metrics(), 'controller_runtime_reconcile_total', { controller: 'attachments' });
  await waitFor('a look at every attachment', async () => (await looked()) >= MANY);
  const done = (performance.now() - startedAt) / 1000;
  await sleep(SETTLE_MS);
  const writes = writesAmong(requestsSince(bench, from)).length;
  return {
    work: `restart with ${MANY} attachments → synced (→ each looked at), then writes`,
    measured: `${synced.toFixed(2)} s (${done.toFixed(2)} s), ${writes} writes`,
    floor: '',
    ratio: (synced / 3).toFixed(2),
    target: '≤ 3 s, no write',
    met: synced <= 3 && writes === 0,
  };
}

/** A node on which everything is well, so that there is nothing to tell. */
async function reportAllReady({ client }: Bench): Promise<void> {
  await client.create(NODE, fullNode(NODE_NAME));
  const header = { apiVersion: NODE_STATE.apiVersion, kind: NODE_STATE.kind, metadata: { name: NODE_NAME } };
  const attachments = (await client.list(ATTACHMENT)).items.map((item) => item.metadata);
  const status = reportFor(0, attachments, 0);
  await client.apply(NODE_STATE, header, { manager: 'macvlan-agent' });
  await client.apply(NODE_STATE, { ...header, status }, { manager: 'macvlan-agent', subresource: 'status' });
  const ready = async () =>
    (await client.list(ATTACHMENT)).items.filter((item) => item.status?.nodes?.ready === 1).length;
  await waitFor('every attachment to be ready', async () => (await ready()) === attachments.length, 200);
  await sleep(SETTLE_MS);
}

async function removeNode({ client }: Bench): Promise<void> {
  await client.delete(NODE_STATE, { name: NODE_NAME });
  await client.delete(NODE, { name: NODE_NAME });
}

/** What is asked of the API server while nothing happens. */
async function restRow(bench: Bench): Promise<Row> {
  const from = Date.now();
  await sleep(REST_MS);
  const requests = requestsSince(bench, from);
  const ofLease = requests.filter(({ resource }) => resource === 'leases');
  const watches = requests.filter(({ verb }) => verb === 'watch');
  const others = requests.length - ofLease.length - watches.length;
  return {
    work: `API requests at rest in ${REST_MS / 1000} s`,
    measured: `${ofLease.length} for the Lease, ${watches.length} watches begun, ${others} others`,
    floor: '',
    ratio: '',
    target: 'none but watches and the Lease',
    met: others === 0,
  };
}

/** What one of many more attachments costs, the more there are. */
async function costRows(bench: Bench, { pid }: ControllerProcess): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let first: number | undefined;
  for (const count of STEPS) {
    const before = cpuMs(pid);
    const took = await createBatch(bench, `cost-${count}`, count);
    await sleep(1000); // own writes come back a moment later
    const cpu = (cpuMs(pid) - before) / count;
    first ??= cpu;
    const growth = cpu / first;
    rows.push({
      work: `cost of one attachment when ${count} are created at once`,
      measured: `${(took / count).toFixed(2)} ms, ${cpu.toFixed(2)} ms of CPU`,
      floor: '',
      ratio: growth.toFixed(2),
      target: `CPU ≤ 1.3 × with ${STEPS[0]}`,
      met: growth <= 1.3,
    });
  }
  return rows;
}

function requestsSince({ plane }: Bench, from: number) {
  return auditedRequests(plane.auditLog).filter(({ user, at }) => user === CONTROLLER.user && at >= from);
}
