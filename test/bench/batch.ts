// Many attachments at once: made by the bench, followed until the controller has nothing left to do for them.
import { setTimeout as sleep } from 'node:timers/promises';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../src/api/multus.ts';
import { ATTACHMENT } from '../../src/api/v1alpha1/attachment.ts';
import type { KubeClient } from '../../src/kernel/kube/client.ts';
import type { Bench } from './api-bench.ts';
import { attachment, NAMESPACE, WIDTH } from './plain.ts';
import { inFlight } from './rows.ts';

/** Milliseconds from the first create until every one has its NAD and its Ready condition. */
export async function createBatch(bench: Bench, prefix: string, count: number): Promise<number> {
  const names = namesOf(prefix, count);
  const started = performance.now();
  await inFlight(names, WIDTH, (name) => bench.client.create(ATTACHMENT, attachment(name)));
  await waitFor('every NAD and status', async () => (await readyAmong(bench.client, names)) === count);
  return performance.now() - started;
}

/** Deletes them and waits until the controller has let them go. */
export async function deleteBatch({ client }: Bench, prefix: string, count: number): Promise<void> {
  const names = namesOf(prefix, count);
  await inFlight(names, WIDTH, (name) => client.delete(ATTACHMENT, { name }));
  const gone = new Set(names);
  const left = async () => (await client.list(ATTACHMENT)).items.filter((item) => gone.has(item.metadata.name)).length;
  await waitFor('the end of the batch', async () => (await left()) === 0);
}

/** Polls until `holds`; throws after two minutes. */
export async function waitFor(what: string, holds: () => Promise<boolean>, pauseMs = 50): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited two minutes in vain for ${what}`);
    await sleep(pauseMs);
  }
}

export function namesOf(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

/** How many of these have their Ready condition and their NAD. */
async function readyAmong(client: KubeClient, names: readonly string[]): Promise<number> {
  const wanted = new Set(names);
  const definitions = (await client.list(NETWORK_ATTACHMENT_DEFINITION, { namespace: NAMESPACE })).items;
  const there = new Set(definitions.map((item) => item.metadata.name));
  const all = (await client.list(ATTACHMENT)).items;
  return all.filter(({ metadata: { name }, status }) => {
    const isSaid = status?.conditions?.some((condition) => condition.type === 'Ready') === true;
    return wanted.has(name) && there.has(name) && isSaid;
  }).length;
}
