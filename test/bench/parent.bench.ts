// The NIC of an attachment is replaced by another one: how long until the alias is on it, from the moment when it is up.
import { once } from 'node:events';
import { join } from 'node:path';
import { buildAddon } from '../../scripts/build-addon.ts';
import { attachmentOn, LabAgent, podOn } from '../netns/support/agent.ts';
import { Lab } from '../netns/support/lab.ts';
import { formatQuantiles, percentile, type Row } from './rows.ts';

const ROUNDS = 100;
const PODS = [10, 50, 250];
const TARGET_MS = 20;
const NIC = 'enp3s0';

/** One row per number of pods on the node. */
export async function parentRows(): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const pods of PODS) {
    const { agent, floor } = await measureParent(pods, ROUNDS);
    rows.push({
      work: `parent replaced → alias on the new NIC, ${pods} pods on the node`,
      measured: formatQuantiles(agent),
      floor: formatQuantiles(floor),
      ratio: (percentile(agent, 0.5) / percentile(floor, 0.5)).toFixed(2),
      target: `p50 ≤ ${TARGET_MS} ms`,
      met: percentile(agent, 0.5) <= TARGET_MS,
    });
  }
  return rows;
}

/**
 * Milliseconds per round, with the agent; and with a program that knows the message beforehand and sends it at the kernel's word
 * that the NIC is up.
 */
async function measureParent(
  pods: number,
  rounds: number,
): Promise<{ agent: readonly number[]; floor: readonly number[] }> {
  const lab = await Lab.start(['node']);
  try {
    const agent = LabAgent.start(lab, 'node');
    agent.putAttachment(attachmentOn(NIC));
    for (let i = 0; i < pods; i++) {
      const mac = `02:aa:00:00:00:${i.toString(16).padStart(2, '0')}`;
      agent.putPod(podOn(`pod-${i}`, { ip: `10.9.0.${2 + (i % 250)}`, mac }));
    }
    await agent.hasEntry('lan', 'Failed');
    const withAgent = await samples(lab, 'agent', rounds);
    await agent.stop();
    return { agent: withAgent, floor: await samples(lab, 'floor', rounds) };
  } finally {
    await lab.stop();
  }
}

async function samples(lab: Lab, mode: string, rounds: number): Promise<readonly number[]> {
  const words = [join(import.meta.dirname, 'parent-child.ts'), buildAddon(), mode, String(rounds)];
  const child = lab.spawn('node', [process.execPath, ...words]);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the measuring program ended with ${code}`);
  return JSON.parse(text) as number[];
}
