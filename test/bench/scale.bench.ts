// A large cluster, simulated: a thousand nodes with their agents' reports and ten thousand pods in them, against one controller.
import { setTimeout as sleep } from 'node:timers/promises';
import { NODE } from '../../src/api/kube.ts';
import { ATTACHMENT } from '../../src/api/v1alpha1/attachment.ts';
import { type MacvlanNodeStateStatus, NODE_STATE } from '../../src/api/v1alpha1/node-state.ts';
import type { KubeClient } from '../../src/kernel/kube/client.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import type { ControllerProcess } from '../support/controller-process.ts';
import { type Bench, openBench } from './api-bench.ts';
import { waitFor } from './batch.ts';
import { cpuMs, residentMiB, startBenchController } from './controller.ts';
import { attachment, NAMESPACE, WIDTH } from './plain.ts';
import { formatQuantiles, inFlight, percentile, type Row } from './rows.ts';
import { fullNode, reportFor } from './simulated-node.ts';

const NODES = 1000;
const PODS_PER_NODE = 10;
const LANS = ['lan-0', 'lan-1', 'lan-2', 'lan-3', 'lan-4'];
const CHANGES = 60;
const nameOf = (index: number) => `node-${String(index).padStart(4, '0')}`;

export async function scaleRows(): Promise<readonly Row[]> {
  const plane = await startControlPlane();
  const bench = await openBench(plane);
  let controller: ControllerProcess | undefined;
  try {
    await bench.prepare(NAMESPACE);
    for (const lan of LANS) await bench.client.create(ATTACHMENT, attachment(lan));
    controller = await startBenchController(plane);
    const rows = [await allReportRow(bench)];
    rows.push(await changeRow(bench, controller), await memoryRow('1,000 nodes with 10,000 pods', controller));
    await controller.stop();
    const before = performance.now();
    controller = await startBenchController(plane);
    rows.push(await restartRow(controller, before));
    rows.push(await memoryRow('the same after a restart', controller));
    return rows;
  } finally {
    await controller?.stop();
    await bench.close();
    await plane.stop();
  }
}

async function lansIn(client: KubeClient) {
  return (await client.list(ATTACHMENT)).items.map((item) => item.metadata);
}

/** Every node appears and reports: each gets its labels, each attachment its counts. */
async function allReportRow({ client }: Bench): Promise<Row> {
  const indexes = Array.from({ length: NODES }, (_, index) => index);
  const lans = await lansIn(client);
  const started = performance.now();
  await inFlight(indexes, WIDTH, (index) => client.create(NODE, fullNode(nameOf(index))));
  await inFlight(indexes, WIDTH, (index) => writeReport(client, index, reportFor(index, lans, PODS_PER_NODE)));
  const written = performance.now() - started;
  await waitFor('every report to count', async () => (await readyNodes(client)).every((count) => count === NODES));
  await waitFor('every label', async () => (await labelledNodes(client)) === NODES, 500);
  const took = performance.now() - started;
  return {
    work: `${NODES} nodes appear and report, ${LANS.length} attachments on each → all counted, all labelled`,
    measured: `${(took / 1000).toFixed(1)} s`,
    floor: `${(written / 1000).toFixed(1)} s to write them`,
    ratio: (took / written).toFixed(2),
    target: '≤ 2',
    met: took <= 2 * written,
  };
}

/** One report changes on a quiet cluster of that size: how soon the statuses say so, and what that costs the controller. */
async function changeRow({ client }: Bench, { pid }: ControllerProcess): Promise<Row> {
  const lans = await lansIn(client);
  const before = cpuMs(pid);
  const waits: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const isReady = change % 2 === 1;
    const started = performance.now();
    await writeReport(client, 7, reportFor(7, lans, PODS_PER_NODE, isReady ? 'Ready' : 'Failed'));
    const expected = isReady ? NODES : NODES - 1;
    const isSeen = async () =>
      (await client.get(ATTACHMENT, { name: LANS[0] ?? '' }))?.status?.nodes?.ready === expected;
    await waitFor('the change in the status', isSeen, 5);
    waits.push(performance.now() - started);
    await sleep(20);
  }
  const cpu = (cpuMs(pid) - before) / CHANGES;
  return {
    work: `one of ${NODES} nodes reports a change on ${LANS.length} attachments → in the status`,
    measured: `${formatQuantiles(waits)}, ${cpu.toFixed(0)} ms of CPU`,
    floor: '',
    ratio: (percentile(waits, 0.5) / 100).toFixed(2),
    target: 'p50 ≤ 100 ms',
    met: percentile(waits, 0.5) <= 100,
  };
}

async function memoryRow(what: string, { pid }: ControllerProcess): Promise<Row> {
  await sleep(3000);
  const mib = residentMiB(pid);
  return {
    work: `controller RSS: ${what}`,
    measured: `${mib.toFixed(0)} MiB`,
    floor: '',
    ratio: (mib / 200).toFixed(2),
    target: '≤ 200 MiB',
    met: mib <= 200,
  };
}

async function restartRow(controller: ControllerProcess, startedAt: number): Promise<Row> {
  await controller.ready();
  const synced = (performance.now() - startedAt) / 1000;
  return {
    work: `restart with ${NODES} nodes and ${NODES * PODS_PER_NODE} pods → synced`,
    measured: `${synced.toFixed(2)} s`,
    floor: '',
    ratio: (synced / 3).toFixed(2),
    target: '≤ 3 s',
    met: synced <= 3,
  };
}

async function writeReport(client: KubeClient, index: number, status: MacvlanNodeStateStatus): Promise<void> {
  const header = { apiVersion: NODE_STATE.apiVersion, kind: NODE_STATE.kind, metadata: { name: nameOf(index) } };
  const state = await client.get(NODE_STATE, header.metadata);
  if (state === undefined) await client.apply(NODE_STATE, header, { manager: 'macvlan-agent' });
  await client.apply(NODE_STATE, { ...header, status }, { manager: 'macvlan-agent', subresource: 'status' });
}

async function readyNodes(client: KubeClient): Promise<readonly number[]> {
  return (await client.list(ATTACHMENT)).items.map((item) => item.status?.nodes?.ready ?? 0);
}

async function labelledNodes(client: KubeClient): Promise<number> {
  const labelSelector = LANS.map((lan) => `attachment.macvlan.dev/${lan}=ready`).join(',');
  return (await client.list(NODE, { labelSelector })).items.length;
}
