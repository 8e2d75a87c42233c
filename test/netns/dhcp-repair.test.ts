// Running pods with addresses by DHCP whose NIC is replaced: the link is made again, and the server gives the address again.
import type { ChildProcess } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { MacvlanAttachment } from '../../src/api/v1alpha1/attachment.ts';
import type { NodePod } from '../../src/api/v1alpha1/node-state.ts';
import { until } from '../support/until.ts';
import { attachmentOn, LabAgent, podOn } from './support/agent.ts';
import { CniNetwork, ended, RENEW_SOON, startDhcpServer } from './support/cni.ts';
import { CONTROL, LabDhcp } from './support/dhcp.ts';
import type { Lab } from './support/lab.ts';
import { NIC, NODE_IP, ROUTER_IP, startLan } from './support/lan.ts';

jest.setTimeout(200_000);

const MAC = '02:4d:00:00:00:07';
const RANGE = ['10.9.0.100', '10.9.0.120'] as const;

let lab: Lab;
let network: CniNetwork;
let server: ChildProcess;
let dhcp: LabDhcp;
let agent: LabAgent;
let attachment: MacvlanAttachment;

const entry = (): NodePod | undefined => agent.status.pods?.find((pod) => pod.name === 'pod');
const becomes = (state: NodePod['state']) => until(`the pod is ${state}`, () => entry()?.state === state, 40_000);
const addressOf = async () => /inet (\S+)/.exec(await lab.ip('pod', 'addr show dev net1'))?.[1];
const isBound = () => until('the lease is held', () => dhcp.lease?.phase === 'Bound', 40_000);

/** The cable with the NIC at its end is cut through, and the server on its other end hears nothing any more. */
async function unplug(): Promise<void> {
  await ended(server);
  await lab.ip('router', 'link del sw0');
}

async function plug(): Promise<void> {
  await lab.ip('router', `link add sw0 type veth peer name ${NIC} netns node`);
  await lab.ip('router', `addr add ${ROUTER_IP}/24 dev sw0`);
  await lab.ip('router', 'link set sw0 up');
  await lab.ip('node', `addr add ${NODE_IP}/24 dev ${NIC}`);
  await lab.ip('node', `link set ${NIC} up`);
}

async function attach(): Promise<string> {
  const { ips } = await network.add('pod', { mac: MAC });
  const [address = ''] = ips?.map((ip) => ip.address) ?? [];
  agent.putPod(podOn('pod', { ip: address.split('/')[0] ?? '', mac: MAC }));
  await isBound();
  await becomes('Attached');
  return address;
}

beforeEach(async () => {
  lab = await startLan(['pod']);
  server = startDhcpServer(lab, RANGE, RENEW_SOON);
  attachment = attachmentOn(NIC, { spec: { ipam: { type: 'DHCP' }, repair: { type: 'InPlace' } } });
  network = await CniNetwork.of(lab, attachment);
  agent = LabAgent.start(lab, 'node', {
    capabilities: '+net_admin,+sys_admin',
    links: 'Real',
    env: { DHCP_CONTROL_PATH: CONTROL },
  });
  agent.putAttachment(attachment);
  await until('the node is announced', () => agent.entry('lan') !== undefined);
});

afterEach(async () => {
  await agent.stop();
  network.close();
  await dhcp.stop();
  await lab.stop();
});

describe('a running pod with an address by DHCP', () => {
  test('waits for the daemon with its attachment, and is on the LAN once that is there', async () => {
    dhcp = await LabDhcp.start(lab);
    await agent.hasEntry('lan', 'Ready');
    await attach();
    await until('it is counted', () => agent.status.dhcp?.links === 1);
    expect((await network.call('del', 'pod', { mac: MAC })).code).toBe(0);
    await until('it is counted no more', () => agent.status.dhcp?.links === 0);
  });

  test('has its link and its address again when the NIC was replaced, and its lease is renewed afterwards', async () => {
    dhcp = await LabDhcp.start(lab);
    await agent.hasEntry('lan', 'Ready');
    const address = await attach();
    const routes = await lab.ip('pod', 'route show');
    await unplug();
    await becomes('Ghost');
    await plug();
    server = startDhcpServer(lab, RANGE, RENEW_SOON);
    await becomes('Repaired');
    expect(await addressOf()).toBe(address);
    expect(await lab.ip('pod', 'route show')).toBe(routes);
    await until('the LAN reaches the pod', () => lab.pings('router', address.split('/')[0] ?? ''));
    await isBound();
    const first = dhcp.lease?.expires ?? 0;
    await until('the lease is renewed', () => (dhcp.lease?.expires ?? 0) > first + 2000, 30_000);
    expect((await lab.enter(['cat', '/run/leases'])).trim().split('\n')).toHaveLength(1);
    expect(await lab.enter(['cat', '/run/dnsmasq.log'])).not.toContain('DHCPRELEASE');
    expect((await network.call('del', 'pod', { mac: MAC })).code).toBe(0);
    expect(await lab.show('pod', 'link show type macvlan')).toEqual([]);
  });

  test('has another address when the server gives another one, and no other address besides', async () => {
    dhcp = await LabDhcp.start(lab);
    await agent.hasEntry('lan', 'Ready');
    await attach();
    await unplug();
    await becomes('Ghost');
    await plug();
    await lab.enter(['rm', '/run/leases']);
    server = startDhcpServer(lab, RANGE, [...RENEW_SOON, `--dhcp-host=${MAC},10.9.0.77`]);
    await becomes('Repaired');
    expect(await addressOf()).toBe('10.9.0.77/24');
  });

  test('stays a ghost with a reason while no server answers, and has its link when one does', async () => {
    dhcp = await LabDhcp.start(lab);
    await agent.hasEntry('lan', 'Ready');
    const address = await attach();
    await unplug();
    await becomes('Ghost');
    await plug();
    await until('it is told why', () => entry()?.problem?.message.includes('no DHCP server answers'), 40_000);
    expect(entry()?.state).toBe('Ghost');
    await until('the silence is told', () =>
      agent.entry('lan')?.problems?.some(({ reason }) => reason === 'DhcpNoAnswer'),
    );
    server = startDhcpServer(lab, RANGE, RENEW_SOON);
    // The daemon ends one question, for a minute, before the next.
    await until('the link is whole', () => entry()?.state === 'Repaired', 100_000);
    expect(await addressOf()).toBe(address);
  });

  test('is told to lack its daemon when that stays away, and not when it is back', async () => {
    dhcp = await LabDhcp.start(lab);
    await agent.hasEntry('lan', 'Ready');
    await dhcp.killDaemon();
    const reasons = () => agent.entry('lan')?.problems?.map(({ reason }) => reason);
    await until('it is told', () => reasons()?.includes('DhcpDaemonMissing'), 30_000);
    expect(agent.entry('lan')).toMatchObject({ phase: 'Failed', incarnation: expect.any(String) });
    dhcp = await LabDhcp.start(lab);
    await agent.hasEntry('lan', 'Ready');
  });
});
