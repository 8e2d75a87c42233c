// Addresses that a pod comes to by itself, read in its own namespace with NET_ADMIN alone: the shim leads to them, and follows them.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Ipam } from '../../src/api/v1alpha1/ipam.ts';
import { until } from '../support/until.ts';
import { attachmentOn, LabAgent, podOn } from './support/agent.ts';
import { CniNetwork, startDhcp } from './support/cni.ts';
import { addIPv6, NODE_IP6, POD } from './support/dual-stack.ts';
import type { Lab } from './support/lab.ts';
import { NIC, NIC_MAC, NODE_IP, ROUTER_IP, startLan } from './support/lan.ts';
import { advertise } from './support/router.ts';

jest.setTimeout(120_000);

/** What comes while a link is new is found within a second or two, later changes within ten. In milliseconds. */
const PATIENCE_MS = 30_000;
const SOCKET = '/run/dhcp.sock';

let lab: Lab;
let agent: LabAgent;
let network: CniNetwork | undefined;
const ends: (() => unknown)[] = [];

beforeEach(async () => {
  lab = await startLan(['pod']);
  await addIPv6(lab);
});

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await agent.stop();
  network?.close();
  network = undefined;
  await lab.stop();
});

async function attach(ipam: Ipam, wish: Parameters<CniNetwork['add']>[1]): Promise<string> {
  agent = LabAgent.start(lab, 'node', { capabilities: '+net_admin', links: 'Real' });
  const object = attachmentOn(NIC, { spec: { hostAccess: { type: 'Routed' }, ipam, pins: 'Allow' } });
  agent.putAttachment(object);
  await agent.hasEntry('lan', 'Ready');
  network = await CniNetwork.of(lab, object);
  await network.add('pod', wish);
  agent.putPod(podOn('pod', { ip: '', mac: POD.mac }));
  return agent.status.shims?.[0]?.name ?? '';
}

interface AddressView {
  readonly addr_info: readonly { readonly local: string; readonly scope: string; readonly family: string }[];
}

async function addressesIn(namespace: string, family: 'inet' | 'inet6'): Promise<readonly string[]> {
  const links = await lab.show<AddressView>(namespace, `addr show dev net1 scope global -tentative`);
  return links.flatMap(({ addr_info }) => addr_info.filter((a) => a.family === family).map(({ local }) => local));
}

/** The addresses to which the shim leads, in words: each has a route and a permanent neighbour, or it is not told. */
async function ledTo(shim: string): Promise<readonly string[]> {
  const routes = [
    ...(await lab.show<{ dst: string }>('node', `route show dev ${shim}`)),
    ...(await lab.show<{ dst: string }>('node', `-6 route show dev ${shim}`)),
  ].map(({ dst }) => dst);
  const neighbours = await lab.show<{ dst: string; lladdr: string }>('node', `neigh show dev ${shim} nud permanent`);
  return neighbours.filter(({ dst, lladdr }) => routes.includes(dst) && lladdr === POD.mac).map(({ dst }) => dst);
}

async function leadsTo(shim: string, expected: readonly string[]): Promise<void> {
  let last: readonly string[] = [];
  const look = async () => {
    last = [...(await ledTo(shim))].sort();
    return JSON.stringify(last) === JSON.stringify([...expected].sort());
  };
  await until('the addresses', look, PATIENCE_MS).catch(() => expect(last).toEqual([...expected].sort()));
}

describe('the shim leads to', () => {
  test('the address that a router of the LAN gave to the pod, and leaves it when its time is over', async () => {
    const hush = advertise(lab, 'fd00:', 600);
    ends.push(hush);
    const shim = await attach({ type: 'Static' }, { mac: POD.mac, ips: [`${POD.ip}/24`] });
    const found = await until(
      'the pod has an address',
      async () => (await addressesIn('pod', 'inet6'))[0],
      PATIENCE_MS,
    );
    const own = String(found);
    const begin = performance.now();
    await leadsTo(shim, [POD.ip, own]);
    console.log(`led to ${own} ${Math.round(performance.now() - begin)} ms after the pod had it`);
    await until('it is told', () => agent.status.pods?.[0]?.ips?.includes(own) === true);
    await until('the node reaches it', () => lab.pings('node', own));
    expect(await lab.pings('pod', NODE_IP6)).toBe(true);
    expect(await lab.macsOf('router', 'sw0', NODE_IP, 5)).toEqual([NIC_MAC]);

    hush(); // its next word would give the address its whole time again
    const changed = performance.now();
    await lab.ip('pod', `-6 addr change ${own}/64 dev net1 valid_lft 2 preferred_lft 1`);
    await leadsTo(shim, [POD.ip]);
    console.log(`left ${own} ${Math.round(performance.now() - changed)} ms after it had 2000 ms to live`);
    expect(agent.entry('lan')).toMatchObject({ phase: 'Ready', hostAccess: 'Ready' });
  });

  test('the address of a new lease, and no more to the old one', async () => {
    ends.push(await startDhcp(lab, ['10.9.0.100', '10.9.0.110'], SOCKET));
    await until('the daemon listens', () =>
      lab.exec('node', ['test', '-S', SOCKET]).then(
        () => true,
        () => false,
      ),
    );
    const dhcp = { daemon: { type: 'External', socketPath: SOCKET } } as const;
    const shim = await attach({ type: 'DHCP', dhcp }, { mac: POD.mac });
    const [first = ''] = await addressesIn('pod', 'inet');
    await leadsTo(shim, [first]);
    await until('the node reaches it', () => lab.pings('node', first));
    // As a DHCP client does it when the server has given it another address.
    await lab.ip('pod', `addr del ${first}/24 dev net1`);
    await lab.ip('pod', 'addr add 10.9.0.120/24 dev net1 valid_lft 3600 preferred_lft 3600');
    await leadsTo(shim, ['10.9.0.120']);
    await until('the node reaches it', () => lab.pings('node', '10.9.0.120'));
    expect(await lab.pings('pod', NODE_IP)).toBe(true);
  });

  test('what a pod without IPAM gives itself, but not to what other hosts of the LAN have', async () => {
    const shim = await attach({ type: 'None' }, { mac: POD.mac });
    await lab.ip('pod', 'link set net1 up');
    await lab.ip('pod', 'addr add 10.9.0.50/24 dev net1');
    await leadsTo(shim, ['10.9.0.50']);
    await lab.ip('router', 'addr add 10.9.0.60/24 dev sw0');
    expect(await lab.pings('node', '10.9.0.60')).toBe(true);
    for (const other of ['10.9.0.60', ROUTER_IP, NODE_IP]) await lab.ip('pod', `addr add ${other}/24 dev net1`);
    await until(
      'it is told',
      () => agent.entry('lan')?.problems?.some((problem) => problem.reason === 'PodAddressRefused') === true,
      PATIENCE_MS,
    );
    expect(await ledTo(shim)).toEqual(['10.9.0.50']);
  });

  test('what the plugins gave and nothing else, on a link with addresses of its own for good', async () => {
    const shim = await attach({ type: 'Static' }, { mac: POD.mac, ips: [`${POD.ip}/24`] });
    await leadsTo(shim, [POD.ip]);
    await lab.ip('pod', 'addr add 10.9.0.60/24 dev net1');
    await lab.ip('pod', `-6 addr add fd00::60/64 dev net1 nodad`);
    await lab.ip('pod', 'addr add 10.9.0.61/24 dev net1 valid_lft 3600 preferred_lft 3600');
    // The next look shows this change; it has then seen the others, too.
    await lab.ip('pod', '-6 addr add fd00::62/64 dev net1 nodad valid_lft 3600 preferred_lft 3600');
    await leadsTo(shim, [POD.ip, 'fd00::62']);
  });
});
