// What the preflight sees of a real node: programs that listen for ARP where a shim is.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { buildAddon } from '../../scripts/build-addon.ts';
import type { Pod } from '../../src/api/kube.ts';
import { until } from '../support/until.ts';
import { attachmentOn, LabAgent } from './support/agent.ts';
import type { Lab } from './support/lab.ts';
import { NIC, startLan } from './support/lan.ts';

jest.setTimeout(60_000);

const ROUTED = attachmentOn(NIC, { spec: { hostAccess: { type: 'Routed' } } });
const SPEAKER: Pod = {
  metadata: { name: 'speaker', namespace: 'metallb-system', labels: { app: 'metallb', component: 'speaker' } },
  spec: {},
  status: { phase: 'Running' },
};
let lab: Lab;
let agent: LabAgent;

const warnings = () => (agent.entry('lan')?.problems ?? []).map(({ reason }) => reason);

async function listenOn(link: string): Promise<ChildProcess> {
  const program = join(import.meta.dirname, 'support/arp-listener.ts');
  const [{ ifindex = 0 } = {}] = await lab.show<{ ifindex: number }>('node', `link show dev ${link}`);
  const child = lab.spawn('node', [process.execPath, program, buildAddon(), String(ifindex)]);
  if (child.stdout !== null) await once(child.stdout, 'data');
  return child;
}

beforeEach(async () => {
  lab = await startLan();
  agent = LabAgent.start(lab, 'node');
});

afterEach(async () => {
  await agent.stop();
  await lab.stop();
});

test('a speaker of MetalLB is warned of while it listens on the shim, and not once the shim is excluded', async () => {
  agent.putAttachment(ROUTED);
  await agent.hasEntry('lan', 'Ready');
  const shim = agent.status.shims?.[0]?.name ?? '';
  const onNic = await listenOn(NIC);
  agent.putPod(SPEAKER);
  const onShim = await listenOn(shim);
  agent.putPod({ ...SPEAKER, metadata: { ...SPEAKER.metadata, annotations: { seen: 'again' } } });
  await until('it is warned of', () => warnings().includes('ArpResponderOnShim'));
  expect(agent.entry('lan')).toMatchObject({ phase: 'Ready', hostAccess: 'Ready' });
  const ended = once(onShim, 'exit');
  onShim.stdin?.end();
  await ended;
  agent.putPod({ ...SPEAKER, metadata: { ...SPEAKER.metadata, annotations: { seen: 'restarted' } } });
  await until('it is not', () => warnings().length === 0);
  expect(onNic.exitCode).toBeNull();
});
