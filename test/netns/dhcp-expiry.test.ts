// Leases that expire under running pods: the server is away for longer than they last, and back, with the same address for one pod
// and with another for the other.
import type { ChildProcess } from 'node:child_process';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { attachmentOn } from './support/agent.ts';
import { CniNetwork, ended, startDhcpServer } from './support/cni.ts';
import { LabDhcp } from './support/dhcp.ts';
import type { Lab } from './support/lab.ts';
import { NIC, startLan } from './support/lan.ts';

// The daemon asks for a minute to renew, for another to rebind, and then takes the end of the lease into account.
const EXPIRY_MS = 200_000;
jest.setTimeout(600_000);

const MACS = { same: '02:4d:00:00:00:07', moved: '02:4d:00:00:00:08' } as const;
type Pod = keyof typeof MACS;
const PODS: readonly Pod[] = ['same', 'moved'];

let lab: Lab;
let network: CniNetwork;
let server: ChildProcess;
let dhcp: LabDhcp;

/** Leases of two minutes, which are to be renewed at once, and an address for each pod. */
function serve(moved: string): ChildProcess {
  const times = ['--dhcp-option-force=option:T1,3s', '--dhcp-option-force=option:T2,5s'];
  const routes = '--dhcp-option-force=121,198.51.100.0/24,10.9.0.253,0.0.0.0/0,10.9.0.254';
  const hosts = [`--dhcp-host=${MACS.same},10.9.0.66`, `--dhcp-host=${MACS.moved},${moved}`];
  return startDhcpServer(lab, ['10.9.0.100', '10.9.0.120'], [...times, routes, ...hosts], '120s');
}

beforeEach(async () => {
  lab = await startLan(PODS);
  await lab.ip('node', `link property add dev ${NIC} altname mva-lan`);
  server = serve('10.9.0.67');
  dhcp = await LabDhcp.start(lab);
  network = await CniNetwork.of(lab, attachmentOn(NIC));
});

afterEach(async () => {
  network.close();
  await dhcp.stop();
  await lab.stop();
});

const addressOf = async (pod: Pod) => /inet (\S+)/.exec(await lab.ip(pod, 'addr show dev net1'))?.[1];
const routesOf = (pod: Pod) => lab.ip(pod, 'route show');
const isUp = async (pod: Pod) => /[<,]UP[,>]/.test(await lab.ip(pod, 'link show dev net1'));
const leases = () => dhcp.reports.at(-1)?.leases ?? [];
const all = (phase: string) => leases().length === PODS.length && leases().every((lease) => lease.phase === phase);

test('are asked for again until the server is back: one pod has its address again, the other the one that it is given', async () => {
  for (const pod of PODS) await network.add(pod, { mac: MACS[pod] });
  await until('both leases are held', () => all('Bound'));
  const [routes, routesOfMoved] = [await routesOf('same'), await routesOf('moved')];
  expect(routes).toContain('198.51.100.0/24 via 10.9.0.253');
  expect(await addressOf('moved')).toBe('10.9.0.67/24');

  await ended(server);
  await until('both have expired', () => all('Expired'), EXPIRY_MS);
  await until('it is asked again', () => isUp('same'), 60_000);
  // By now somebody else may have the address.
  expect(await addressOf('same')).toBeUndefined();
  await until('the silence is told', () => leases().every((lease) => lease.server === 'Silent'), 60_000);
  expect(all('Expired')).toBe(true);

  await lab.enter(['rm', '-f', '/run/leases']);
  server = serve('10.9.0.77');
  await until('both leases are held again', () => all('Bound'), 200_000);
  await until('the links are whole', async () => (await addressOf('same')) && (await addressOf('moved')));
  expect(await addressOf('same')).toBe('10.9.0.66/24');
  expect(await routesOf('same')).toBe(routes);
  expect(await lab.pings('router', '10.9.0.66')).toBe(true);
  expect(await addressOf('moved')).toBe('10.9.0.77/24');
  expect(await routesOf('moved')).toBe(routesOfMoved.replaceAll('10.9.0.67', '10.9.0.77'));
  expect(leases().flatMap(({ otherAddress }) => otherAddress ?? [])).toEqual(['10.9.0.77/24']);

  const before = leases().map(({ expires = 0 }) => expires);
  await until('both are renewed', () => leases().every(({ expires = 0 }, i) => expires > (before[i] ?? 0)), 60_000);
  for (const pod of PODS) expect((await network.call('del', pod, { mac: MACS[pod] })).code).toBe(0);
});
