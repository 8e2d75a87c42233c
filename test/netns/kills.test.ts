// The agent is killed after any request to the kernel, and at any time: the next one ends where the first was to end, and what is not
// ours is as it was. A few random kills by default; AGENT_KILLS=200 is what `make soak` does, AGENT_SEED=n repeats a run.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { MacvlanNodeStateStatus } from '../../src/api/v1alpha1/node-state.ts';
import { randomFrom } from '../support/random.ts';
import { until } from '../support/until.ts';
import { LabAgent } from './support/agent.ts';
import { foreignThings, ownThings } from './support/belongings.ts';
import { KILL_PLANS, type KillPlan, settleForeigners, type Told } from './support/kill-plans.ts';
import type { Lab } from './support/lab.ts';
import { startLan } from './support/lan.ts';

const KILLS = Number(process.env['AGENT_KILLS'] ?? 18);
const SEED = Number(process.env['AGENT_SEED'] ?? Date.now() % 0x7fffffff);
/** So many of the kills are by the clock instead of by a request's number. */
const BY_CLOCK = 0.2;
const SETTLE_MS = 30_000;
const names = Object.keys(KILL_PLANS);

jest.setTimeout(120_000 + KILLS * 15_000);

let folder: string;
const rigs: Rig[] = [];
const random = randomFrom(SEED);
let kills = 0;
let deaths = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-kills-'));
  const source = join(import.meta.dirname, 'support/die-after.c');
  const flags = ['-O1', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC'];
  execFileSync(process.env['CC'] ?? 'gcc', [...flags, source, '-o', join(folder, 'die-after.so')]);
  process.stderr.write(`agents are killed: AGENT_SEED=${SEED} AGENT_KILLS=${KILLS}\n`);
});

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  process.stderr.write(`agents were killed: ${deaths} of ${kills} in the middle of their work, the others after it\n`);
});

/** One node, on which one plan is carried out again and again. */
class Rig {
  readonly #lab: Lab;
  readonly #plan: KillPlan;
  #agent: LabAgent;
  #told: Told;
  #status: MacvlanNodeStateStatus = {};
  #own = { before: '', after: '' };

  private constructor(lab: Lab, plan: KillPlan) {
    this.#lab = lab;
    this.#plan = plan;
    this.#told = plan.before;
    this.#agent = this.#start(plan.before);
  }

  /** With an agent that has carried the plan out undisturbed: gives how many requests that took. */
  static async build(plan: KillPlan): Promise<{ rig: Rig; requests: number }> {
    const lab = await startLan();
    await settleForeigners(lab);
    const rig = new Rig(lab, plan);
    rigs.push(rig);
    if (plan.realPods !== undefined) {
      await until('the alias', async () => (await lab.show('node', 'link show dev mva-lan')).length === 1);
      await plan.realPods.plug(lab);
      // A pod that changes is looked at.
      for (const pod of plan.before.pods) rig.#agent.putPod(pod);
    }
    rig.#own.before = await rig.#atRest();
    await rig.#endOrderly();
    await plan.meanwhile?.(lab);
    const count = join(folder, `count-${process.pid}-${performance.now()}`);
    rig.#agent = rig.#start(plan.after, { DIE_COUNT: count });
    rig.#own.after = await rig.#atRest();
    return { rig, requests: readFileSync(count).length };
  }

  /** One kill, and what has to be true afterwards. */
  async kill(how: { after: number } | { withinMs: number }): Promise<void> {
    const { before, after, meanwhile } = this.#plan;
    this.#tell(before);
    await until('as it was before', async () => (await this.#ownThings()) === this.#own.before, SETTLE_MS).catch(
      async () => expect(await this.#ownThings()).toBe(this.#own.before),
    );
    await this.#endOrderly();
    await meanwhile?.(this.#lab);
    const foreign = await this.#foreignThings();

    this.#agent = this.#start(after, 'after' in how ? { DIE_AFTER: String(how.after) } : {});
    if ('withinMs' in how) await new Promise((resolve) => setTimeout(resolve, how.withinMs));
    const isDone = async () => (await this.#ownThings()) === this.#own.after;
    if ('after' in how) await until('its death', async () => this.#agent.hasEnded || (await isDone()), SETTLE_MS);
    kills += 1;
    if (!(await isDone())) deaths += 1;
    await this.#agent.kill();
    this.#status = this.#agent.statuses.at(-1) ?? this.#status;
    expect(await this.#foreignThings()).toBe(foreign);

    this.#agent = this.#start(after);
    await until('the end of the plan', isDone, SETTLE_MS).catch(async () => {
      expect(await this.#ownThings()).toBe(this.#own.after);
    });
    expect(await this.#foreignThings()).toBe(foreign);
  }

  #ownThings(): Promise<string> {
    return ownThings(this.#lab, this.#plan.realPods?.names);
  }

  #foreignThings(): Promise<string> {
    return foreignThings(this.#lab, this.#plan.realPods?.names);
  }

  async stop(): Promise<void> {
    await this.#agent.stop();
    await this.#lab.stop();
  }

  #start(told: Told, env: Record<string, string> = {}): LabAgent {
    this.#told = told;
    const objects = [
      { kind: 'state' as const, object: { metadata: { name: 'node-a' }, status: this.#status } },
      ...told.attachments.map((object) => ({ kind: 'attachment' as const, object })),
      ...told.pods.map((object) => ({ kind: 'pod' as const, object })),
    ];
    const isReal = this.#plan.realPods !== undefined;
    return LabAgent.start(this.#lab, 'node', {
      objects,
      links: isReal ? 'Real' : 'AsWritten',
      capabilities: isReal ? '+net_admin,+sys_admin' : '+net_admin',
      env: { LD_PRELOAD: join(folder, 'die-after.so'), ...env },
    });
  }

  #tell(told: Told): void {
    const gone = this.#told.attachments.filter((old) => !told.attachments.some((one) => isSame(one, old)));
    for (const { metadata } of gone) this.#agent.removeAttachment(metadata.name);
    for (const pod of this.#told.pods.filter((old) => !told.pods.some((one) => isSame(one, old)))) {
      this.#agent.removePod(`${pod.metadata.namespace}/${pod.metadata.name}`);
    }
    for (const attachment of told.attachments) this.#agent.putAttachment(attachment);
    for (const pod of told.pods) this.#agent.putPod(pod);
    this.#told = told;
  }

  async #endOrderly(): Promise<void> {
    await this.#agent.stop();
    this.#status = this.#agent.statuses.at(-1) ?? this.#status;
  }

  /** What there is once nothing has changed for a while, and the agent has nothing more to say. */
  async #atRest(): Promise<string> {
    let last = '';
    let since = performance.now();
    await until(
      'rest',
      async () => {
        const said = this.#agent.statuses.length;
        const now = `${await this.#ownThings()}${said}`;
        if (now !== last) since = performance.now();
        last = now;
        // On a slow day it has not even begun; and it may have nothing to say.
        const isToSpeak = said === 0 && this.#told.attachments.length > 0;
        return performance.now() - since > (isToSpeak ? 10_000 : 2000);
      },
      SETTLE_MS,
    );
    return this.#ownThings();
  }
}

function isSame(one: { metadata: { name: string } }, other: { metadata: { name: string } }): boolean {
  return one.metadata.name === other.metadata.name;
}

describe('an agent that is killed', () => {
  test.each(names)('while %s: the next one comes to the same end, and nothing else was touched', async (name) => {
    const plan = KILL_PLANS[name];
    if (plan === undefined) throw new Error('no such plan');
    const { rig, requests } = await Rig.build(plan);
    process.stderr.write(`${name}: ${requests} requests\n`);
    expect(requests).toBeGreaterThan(0);
    const share = Math.ceil(KILLS / names.length);
    // As many different places as there is time for; with time enough, all of them.
    const places = shuffled(Array.from({ length: requests + 1 }, (_, i) => i));
    for (let i = 0; i < share; i++) {
      const isByClock = i >= places.length || (share > 2 && random.chance(BY_CLOCK));
      await rig.kill(isByClock ? { withinMs: random.below(1500) } : { after: places[i] ?? 0 });
    }
  });
});

function shuffled(numbers: number[]): readonly number[] {
  for (let i = numbers.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [numbers[i], numbers[j]] = [numbers[j] ?? 0, numbers[i] ?? 0];
  }
  return numbers;
}
