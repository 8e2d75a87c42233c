// Somebody deletes the shim of a node with many pods: how long until it is back. Prints JSON when it is run by itself.
import { once } from 'node:events';
import { join } from 'node:path';
import { buildAddon } from '../../scripts/build-addon.ts';
import { attachmentOn, LabAgent, podOn } from '../netns/support/agent.ts';
import type { Lab } from '../netns/support/lab.ts';
import { NIC, startLan } from '../netns/support/lan.ts';
import { until } from '../support/until.ts';
import type { Sample } from './shim-child.ts';

export interface ShimResult {
  readonly pods: number;
  readonly rounds: number;
  /** With the agent. */
  readonly agent: readonly Sample[];
  /** The same messages from a program that knows them beforehand and sends them at the kernel's word that the link is gone. */
  readonly floor: readonly Sample[];
}

const ROUTED = attachmentOn(NIC, { spec: { parents: [{ interface: { name: NIC } }], hostAccess: { type: 'Routed' } } });
/** Whoever deletes a shim a hundred times is somebody to give way to; not here. */
const PATIENT = { repairs: 1_000_000, windowMs: 1, firstPauseMs: 1, longestPauseMs: 1 };

/** Measures on a node of its own, in namespaces that are gone afterwards. */
export async function measureShim(pods = 100, rounds = 100): Promise<ShimResult> {
  const lab = await startLan();
  try {
    const agent = LabAgent.start(lab, 'node', { contest: PATIENT });
    agent.putAttachment(ROUTED);
    await agent.hasEntry('lan', 'Ready');
    for (let i = 0; i < pods; i++) {
      const mac = `02:aa:00:00:00:${i.toString(16).padStart(2, '0')}`;
      agent.putPod(podOn(`pod-${i}`, { ip: `10.9.0.${2 + i}`, mac }));
    }
    const { name = '' } = agent.status.shims?.[0] ?? {};
    await until('all routes', async () => (await lab.show('node', `route show dev ${name}`)).length === pods);
    const withAgent = await samples(lab, 'agent', { rounds, pods });
    await agent.stop();
    return { pods, rounds, agent: withAgent, floor: await samples(lab, 'floor', { rounds, pods }) };
  } finally {
    await lab.stop();
  }
}

async function samples(lab: Lab, mode: string, counts: { rounds: number; pods: number }): Promise<readonly Sample[]> {
  const words = [buildAddon(), mode, String(counts.rounds), String(counts.pods)];
  const child = lab.spawn('node', [process.execPath, join(import.meta.dirname, 'shim-child.ts'), ...words]);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the measuring program ended with ${code}`);
  return JSON.parse(text) as Sample[];
}

if (process.argv[1] === import.meta.filename) {
  const result = await measureShim(Number(process.argv[2] ?? 100), Number(process.argv[3] ?? 100));
  const quantiles = (values: readonly number[]) => {
    const sorted = values.toSorted((a, b) => a - b);
    const at = (p: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))];
    return { p50: at(0.5), p99: at(0.99) };
  };
  const summary = (list: readonly Sample[]) => ({
    link: quantiles(list.map((sample) => sample.link)),
    all: quantiles(list.map((sample) => sample.all)),
  });
  const { pods, rounds, agent, floor } = result;
  console.log(JSON.stringify({ pods, rounds, agent: summary(agent), floor: summary(floor) }, null, 2));
}
