// How soon the controller answers one change on a quiet cluster, against a client that makes the same requests itself.
import { setTimeout as sleep } from 'node:timers/promises';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../src/api/multus.ts';
import { ATTACHMENT } from '../../src/api/v1alpha1/attachment.ts';
import { type Bench, watchNads } from './api-bench.ts';
import { attachment, NAMESPACE, plainNad, plainRestore } from './plain.ts';
import { formatQuantiles, percentile, type Row } from './rows.ts';

/** Attachments `quiet-0` and so on are there afterwards. */
export const LATENCY_ROUNDS = 200;
const PAUSE_MS = 20;

/** An attachment made → its NAD seen by a watch. */
export async function quietRow(bench: Bench): Promise<Row> {
  const ours: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round < LATENCY_ROUNDS; round++) {
    ours.push(await oneAttachment(bench, `quiet-${round}`));
    await sleep(PAUSE_MS);
    plain.push(await plainNad(bench, `floor-${round}`));
    await sleep(PAUSE_MS);
  }
  return rowFor('one attachment on a quiet cluster → NAD', { ours, plain, p50: 10, p99: 25 });
}

/** A NAD deleted (even rounds) or edited (odd ones) → as it was. */
export async function restoredRow(bench: Bench): Promise<Row> {
  const ours: number[] = [];
  const plain: number[] = [];
  for (let round = 0; round < LATENCY_ROUNDS; round++) {
    ours.push(await (round % 2 === 0 ? deletedAndBack : editedAndBack)(bench, `quiet-${round}`));
    await sleep(PAUSE_MS);
    plain.push(await plainRestore(bench, `floor-${round}`));
    await sleep(PAUSE_MS);
  }
  return rowFor('NAD deleted or edited → restored', { ours, plain, p50: 6, p99: 15 });
}

/** Milliseconds from the request that creates an attachment until its NAD is seen by a watch. */
export async function oneAttachment(bench: Bench, name: string): Promise<number> {
  const seen = watchNads(bench, (event) => event.name === name && event.type === 'ADDED');
  const started = performance.now();
  await bench.client.create(ATTACHMENT, attachment(name));
  return (await seen) - started;
}

async function deletedAndBack(bench: Bench, name: string): Promise<number> {
  const back = watchNads(bench, (event) => event.name === name && event.type === 'ADDED');
  const started = performance.now();
  await bench.client.delete(NETWORK_ATTACHMENT_DEFINITION, { namespace: NAMESPACE, name });
  return (await back) - started;
}

async function editedAndBack(bench: Bench, name: string): Promise<number> {
  const isBack = (event: { name: string; type: string; config: string }) =>
    event.name === name && event.type === 'MODIFIED' && event.config !== '{}';
  const back = watchNads(bench, isBack);
  const started = performance.now();
  await bench.client.mergePatch(
    NETWORK_ATTACHMENT_DEFINITION,
    { namespace: NAMESPACE, name },
    { spec: { config: '{}' } },
  );
  return (await back) - started;
}

function rowFor(
  work: string,
  result: {
    readonly ours: readonly number[];
    readonly plain: readonly number[];
    readonly p50: number;
    readonly p99: number;
  },
): Row {
  const { ours, plain, p50, p99 } = result;
  return {
    work,
    measured: formatQuantiles(ours),
    floor: formatQuantiles(plain),
    ratio: (percentile(ours, 0.5) / percentile(plain, 0.5)).toFixed(2),
    target: `p50 ≤ ${p50} ms, p99 ≤ ${p99} ms`,
    met: percentile(ours, 0.5) <= p50 && percentile(ours, 0.99) <= p99,
  };
}
