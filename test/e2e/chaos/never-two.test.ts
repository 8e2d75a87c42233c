// Two running pods never have the same MAC or IP on the LAN, whatever happens to pods, nodes, kubelets and controllers, and every pod
// that comes back has its own. CHAOS_ROUNDS, CHAOS_IDENTITIES and CHAOS_MINUTES make it longer; FAULT_SEED repeats it.
import { afterAll, beforeAll, expect } from '@jest/globals';
import { testOnlyOn } from '../../support/only-on.ts';
import { randomFrom } from '../../support/random.ts';
import { until } from '../../support/until.ts';
import { type ChaosResult, makeChaos } from './chaos.ts';
import { makeTwin } from './duplicate.ts';
import { type ChaosStage, SPAN, setChaosStage } from './stage.ts';
import { type Diligence, startWitnesses, type Witnesses } from './witnesses.ts';

const number = (name: string, initial: number) => Number(process.env[name] || initial);
const ROUNDS = number('CHAOS_ROUNDS', 6);
const IDENTITIES = number('CHAOS_IDENTITIES', 8);
const BUDGET_MS = number('CHAOS_MINUTES', 5) * 60_000;
const SEED = number('FAULT_SEED', Date.now() % 0x7fffffff);
const START_MS = 6 * 60_000;
const IS_SOAK = ROUNDS > 20;

let stage: ChaosStage;
let witnesses: Witnesses;

beforeAll(async () => {
  stage = await setChaosStage(`chaos-${process.pid}`, IDENTITIES);
  witnesses = await startWitnesses(stage.cluster, SPAN);
}, START_MS);

afterAll(async () => {
  await stage?.cluster.down();
}, START_MS);

const tell = (line: string) => void process.stderr.write(`${line}\n`);

/** What was seen twice, with what came before. */
function report(): string {
  return witnesses.twice
    .slice(0, 4)
    .map((one) => `${JSON.stringify(one)}\n  ${witnesses.historyOf(one.address).join('\n  ')}`)
    .join('\n');
}

function summary({ rounds, deeds, help, settleMs }: ChaosResult): string {
  const sorted = settleMs.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const committed = [...deeds].sort(([, a], [, b]) => b - a).map(([name, count]) => `${count} × ${name}`);
  return [
    `${rounds} rounds with ${IDENTITIES} identities: ${committed.join(', ')}`,
    `in order again after ${middle} ms (middle), ${sorted.at(-1) ?? 0} ms (longest)`,
    `a person released ${help.releases} identities and had ${help.replaced} pods made again`,
  ].join('\n');
}

const testInNamespaces = testOnlyOn(
  'netns',
  'in kind one of the two nodes has the control plane: cut off, it takes the API with it',
);

testInNamespaces(
  'no address has two holders in any round, each pod that comes back has its own, and the witnesses see a twin',
  async () => {
    tell(`chaos: FAULT_SEED=${SEED} CHAOS_ROUNDS=${ROUNDS} CHAOS_IDENTITIES=${IDENTITIES}`);
    const result = await makeChaos(stage, witnesses, {
      rounds: ROUNDS,
      random: randomFrom(SEED),
      longestMs: IS_SOAK ? 6000 : 4000,
      settleEvery: IS_SOAK ? 4 : 2,
      budgetMs: BUDGET_MS,
      tell: IS_SOAK || process.env['CHAOS_VERBOSE'] ? tell : () => {},
    });
    tell(summary(result));
    expect(report()).toBe('');
    expect(result.owned.size).toBe(stage.identities.length);
    const all = [...result.owned.values()].flatMap(({ mac, ip }) => [mac, ip]);
    expect(new Set(all).size).toBe(2 * IDENTITIES);
    await expectTwinSeen();
    expectDiligence(await witnesses.end());
  },
  BUDGET_MS + 15 * 60_000,
);

/** The same witnesses, in the same cluster: what they would have seen. */
async function expectTwinSeen(): Promise<void> {
  const original = witnesses.held().find((link) => link.up && link.ips.length > 0);
  if (original === undefined) throw new Error('no link is there');
  const remove = await makeTwin(stage.cluster, original);
  const saw = (witness: string, address = '') =>
    witnesses.twice.some((one) => one.witness === witness && one.address === address);
  await until('the kernel has the MAC twice', () => saw('kernel', original.mac), 30_000);
  await until('the kernel has the IP twice', () => saw('kernel', original.ips[0]), 30_000);
  await until('two answer for the IP', () => saw('LAN', original.ips[0]), 30_000);
  await until('the MAC is behind two ports', () => saw('LAN', original.mac), 30_000);
  await remove();
}

function expectDiligence({ looks, longestLook, questions, frames, drops }: Diligence): void {
  tell(`the kernel was looked at ${looks} times (longest look ${(longestLook * 1000).toFixed(0)} ms), the LAN asked`);
  tell(`${questions} times, with ${frames} frames seen and ${drops} missed`);
  expect(drops).toBe(0);
  expect(looks).toBeGreaterThan(20);
  expect(questions).toBeGreaterThan(64);
}
