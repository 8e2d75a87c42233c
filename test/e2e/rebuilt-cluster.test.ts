// A cluster is lost and built anew on other machines: with the seed restored, every workload is the device that it was.
import { afterAll, expect, test } from '@jest/globals';
import { settle } from './chaos/chaos.ts';
import type { Owned } from './chaos/order.ts';
import { type ChaosStage, SPAN, setChaosStage } from './chaos/stage.ts';
import { startWitnesses } from './chaos/witnesses.ts';

const LONG_MS = 8 * 60_000;
const IDENTITIES = 6;
/** One with which no two of these identities begin their search of the pool at the same address: then the order decides nothing. */
const SEED = Buffer.alloc(32, 9);

let stage: ChaosStage | undefined;

afterAll(async () => {
  await stage?.cluster.down();
}, LONG_MS);

/** What each identity has once all of them run. */
async function build(name: string): Promise<Owned> {
  const built = await setChaosStage(`${name}-${process.pid}`, IDENTITIES, SEED);
  stage = built;
  const witnesses = await startWitnesses(built.cluster, SPAN);
  const owned: Owned = new Map();
  await settle(built, witnesses, { owned, help: { releases: 0, replaced: 0 } });
  await witnesses.end();
  await built.cluster.down();
  stage = undefined;
  return owned;
}

test(
  'the same pods have the same MAC addresses on the LAN as before, and the same IP addresses',
  async () => {
    const before = await build('lost');
    expect(before.size).toBe(IDENTITIES);
    expect(await build('anew')).toEqual(before);
  },
  LONG_MS,
);
