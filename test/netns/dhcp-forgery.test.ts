// What a DHCP server says goes into the daemon's log as it is: whatever it puts there, only the daemon's own words are believed.
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { attachmentOn } from './support/agent.ts';
import { CniNetwork, ended, startDhcpServer } from './support/cni.ts';
import { LabDhcp } from './support/dhcp.ts';
import type { Lab } from './support/lab.ts';
import { NIC, ROUTER_IP, startLan } from './support/lan.ts';

jest.setTimeout(120_000);

const MAC = '02:4d:00:00:00:07';

let lab: Lab;
let network: CniNetwork;
let dhcp: LabDhcp;

beforeEach(async () => {
  lab = await startLan(['pod']);
  await lab.ip('node', `link property add dev ${NIC} altname mva-lan`);
  dhcp = await LabDhcp.start(lab);
  // The plugin's own client-id is the name by which the log tells of a client.
  const attachment = attachmentOn(NIC, { spec: { ipam: { type: 'DHCP', dhcp: { clientId: 'Plugin' } } } });
  network = await CniNetwork.of(lab, attachment);
});

afterEach(async () => {
  network.close();
  await dhcp.stop();
  await lab.stop();
});

/** Resolves with the server once it listens; `refusals` grows. */
async function startRogue(refusals: string[]): Promise<ChildProcess> {
  const program = join(import.meta.dirname, 'support/rogue-dhcp.ts');
  const child = lab.spawn('router', [process.execPath, program, ROUTER_IP, '10.9.0.255']);
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    refusals.splice(0, refusals.length, ...said.split('\n').filter((line) => line.startsWith('refused ')));
  });
  await until('it listens', () => said.startsWith('listens'));
  return child;
}

test('a server that forges lines of the log is heard as one that refuses', async () => {
  const refusals: string[] = [];
  const rogue = await startRogue(refusals);
  const adding = network.call('add', 'pod', { mac: MAC });
  // Between two refusals the daemon has written the first down, and pauses for a second.
  await until('it has refused three times', () => refusals.length >= 3, 60_000);
  expect(refusals[0]).toMatch(/^refused \S+\/lan\/net1$/);
  await ended(rogue);
  const server = startDhcpServer(lab, ['10.9.0.100', '10.9.0.120']);
  expect((await adding).code).toBe(0);
  await until('the lease is held', () => dhcp.lease?.phase === 'Bound');
  const told = dhcp.reports.flatMap(({ leases }) => leases.map(({ container, phase }) => `${container} ${phase}`));
  const container = dhcp.lease?.container ?? '';
  expect([...new Set(told)]).toEqual([`${container} Asking`, `${container} Bound`]);
  expect((await network.call('del', 'pod', { mac: MAC })).code).toBe(0);
  await ended(server);
});
