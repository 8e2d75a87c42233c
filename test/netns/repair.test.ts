// Pods' links on the real kernel, made by the real plugins: the NIC goes, they are told to be ghosts, and are made again in place.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Ipam } from '../../src/api/v1alpha1/ipam.ts';
import type { NodePod } from '../../src/api/v1alpha1/node-state.ts';
import { formatConfig } from '../../src/domain/attachment/network-definition.ts';
import { until } from '../support/until.ts';
import { attachmentOn, LabAgent, podOn } from './support/agent.ts';
import { CniNetwork } from './support/cni.ts';
import type { Frame, Lab } from './support/lab.ts';
import { NIC, NODE_IP, ROUTER_IP, startLan } from './support/lan.ts';

jest.setTimeout(60_000);

const MAC = '02:aa:00:00:00:02';
const IP = '10.9.0.2';
const CIDRS = [`${IP}/24`, 'fd09::2/64'];
const STATIC: Ipam = { type: 'Static', static: { routes: [{ to: '198.51.100.0/24', via: ROUTER_IP }] } };
const IN_PLACE = { ipam: STATIC, pins: 'Allow', repair: { type: 'InPlace' } } as const;
const RIGHTS = '+net_admin,+sys_admin';

let lab: Lab;
let agent: LabAgent;
let network: CniNetwork;

async function attach(spec: Parameters<typeof attachmentOn>[1], capabilities = RIGHTS): Promise<void> {
  agent = LabAgent.start(lab, 'node', { capabilities, links: 'Real' });
  const object = attachmentOn(NIC, spec);
  agent.putAttachment(object);
  await agent.hasEntry('lan', 'Ready');
  network = await CniNetwork.of(lab, object);
  await network.add('pod', { mac: MAC, ips: CIDRS });
  agent.putPod(podOn('pod', { ip: IP, mac: MAC }));
}

const entry = (): NodePod | undefined => agent.status.pods?.find((pod) => pod.name === 'pod');

async function becomes(state: NodePod['state']): Promise<NodePod | undefined> {
  await until(`the pod is ${state}`, () => entry()?.state === state);
  return entry();
}

/** The cable with the NIC at its end is cut through: both ends are gone. */
const unplug = () => lab.ip('router', 'link del sw0');

async function plug(): Promise<void> {
  await lab.ip('router', `link add sw0 type veth peer name ${NIC} netns node`);
  await lab.ip('router', `addr add ${ROUTER_IP}/24 dev sw0`);
  await lab.ip('router', 'addr add fd09::fe/64 dev sw0');
  await lab.ip('router', 'link set sw0 up');
  await lab.ip('node', `addr add ${NODE_IP}/24 dev ${NIC}`);
  await lab.ip('node', `link set ${NIC} up`);
}

/** What a pod's link is made of, to be the same before and after. */
async function linkOf(pod: string) {
  const links = await lab.show<{ address: string; mtu: number; linkinfo: object }>(pod, 'link show dev net1');
  const addresses = await lab.show<{ addr_info: { local?: string; prefixlen: number; broadcast?: string }[] }>(
    pod,
    'addr show dev net1 scope global',
  );
  const routes = [...(await lab.show(pod, 'route show')), ...(await lab.show(pod, '-6 route show fd09::/64'))];
  return {
    links: links.map(({ address, mtu, linkinfo }) => ({ address, mtu, linkinfo })),
    addresses: addresses.flatMap(({ addr_info }) =>
      addr_info.map(({ local, prefixlen, broadcast }) => ({ local, prefixlen, broadcast })),
    ),
    routes: routes.map(({ flags: _flags, ...route }) => JSON.stringify(route)).sort(),
  };
}

/** A program of a few lines that goes on in a namespace; what it prints is in the returned array. */
function talk(namespace: string, code: string): { readonly child: ChildProcess; readonly said: string[] } {
  const child = lab.spawn(namespace, [process.execPath, '-e', code]);
  const said: string[] = [];
  child.stdout?.on('data', (chunk: Buffer) => said.push(...chunk.toString().trim().split('\n')));
  return { child, said };
}

const ECHO = "require('net').createServer((s) => s.pipe(s)).listen(7000, () => console.log('ready'))";
const callerOf = (server: string) => `
  const socket = require('net').connect(7000, '${server}', () => setInterval(() => socket.write('x'), 50));
  socket.on('data', () => console.log('echo')).on('close', () => console.log('closed')).on('error', () => {});`;

beforeEach(async () => {
  lab = await startLan(['pod']);
  await lab.ip('router', 'addr add fd09::fe/64 dev sw0');
});

afterEach(async () => {
  await agent.stop();
  network.close();
  await lab.stop();
});

describe('a running pod whose NIC is replaced', () => {
  test('is a ghost within a second, and has its link again with everything on it once the new NIC is there', async () => {
    await attach({ spec: IN_PLACE });
    await becomes('Attached');
    const before = await linkOf('pod');
    expect(before.routes).toHaveLength(3);

    const unplugged = performance.now();
    await unplug();
    await becomes('Ghost');
    const ghostMs = performance.now() - unplugged;
    expect(await lab.show('pod', 'link show dev net1')).toEqual([]);

    const plugged = performance.now();
    await plug();
    await becomes('Repaired');
    console.log(
      `ghost after ${ghostMs.toFixed(0)} ms, repaired ${(performance.now() - plugged).toFixed(0)} ms after the cable`,
    );
    expect(await linkOf('pod')).toEqual(before);
    expect(await lab.macsOf('router', 'sw0', IP, 3)).toEqual([MAC]);
    await until('the LAN reaches the pod in IPv6', () => lab.pings('router', 'fd09::2'));
    await until('the pod reaches the LAN', () => lab.pings('pod', ROUTER_IP));
  });

  test.each([
    ['IPv4', ROUTER_IP],
    ['IPv6', 'fd09::fe'],
  ])('keeps its open TCP connections over %s', async (_family, address) => {
    await attach({ spec: IN_PLACE });
    const server = talk('router', ECHO);
    await until('the server listens', () => server.said.includes('ready'));
    await until('both ends have searched for duplicates', () => lab.pings('pod', address));
    const caller = talk('pod', callerOf(address));
    await until('the connection works', () => caller.said.includes('echo'));
    await becomes('Attached');
    await unplug();
    await becomes('Ghost');
    await plug();
    await becomes('Repaired');
    const before = caller.said.length;
    await until('the connection goes on', () => caller.said.length > before + 5, 20_000);
    expect(caller.said).not.toContain('closed');
  });

  test('is announced on the LAN, and a switch learns where it is now', async () => {
    await attach({ spec: IN_PLACE });
    await becomes('Attached');
    await unplug();
    await becomes('Ghost');
    await lab.ip('router', `link add sw0 type veth peer name ${NIC} netns node`);
    await lab.ip('router', 'link set sw0 up');
    const stop = await lab.sniff('router', 'sw0');
    await lab.ip('node', `link set ${NIC} up`);
    await becomes('Repaired');
    const frames: readonly (Frame & { arp?: { spa: string; tpa: string }; ethertype?: string })[] = await stop();
    const own = frames.filter((frame) => frame.src === MAC);
    // Gratuitous: about its own address, asked by nobody.
    expect(own.map((frame) => frame.arp)).toContainEqual(expect.objectContaining({ spa: IP, tpa: IP }));
    // In IPv6 the kernel's search for duplicates and its membership reports come from the same address.
    expect(own.filter((frame) => frame.ethertype === 'ipv6')).not.toEqual([]);
  });

  test('is known to its neighbours at once by its own MAC address in both families, whatever they believed meanwhile', async () => {
    await attach({ spec: IN_PLACE });
    await becomes('Attached');
    await unplug();
    await becomes('Ghost');
    await lab.ip('router', `link add sw0 type veth peer name ${NIC} netns node`);
    await lab.ip('router', 'link set sw0 up');
    // Without addresses of its own the router asks nobody: what it learns, it is told.
    for (const address of [IP, 'fd09::2']) {
      await lab.ip('router', `neigh replace ${address} lladdr 02:00:00:00:00:99 nud stale dev sw0`);
    }
    await lab.ip('node', `link set ${NIC} up`);
    await becomes('Repaired');
    const repaired = performance.now();
    for (const address of [IP, 'fd09::2']) {
      const known = async () =>
        (await lab.show<{ lladdr: string }>('router', `neigh show ${address} dev sw0`))[0]?.lladdr;
      await until(`${address} is known`, async () => (await known()) === MAC);
      // For IPv6, the kernel first searches for duplicates: a second or two.
      console.log(
        `${address} is known by its MAC address ${(performance.now() - repaired).toFixed(0)} ms after it was repaired`,
      );
    }
  });

  test('leaves nothing behind when it ends, with the real DEL', async () => {
    await attach({ spec: IN_PLACE });
    await becomes('Attached');
    await unplug();
    await becomes('Ghost');
    await plug();
    await becomes('Repaired');
    expect((await network.call('del', 'pod', { mac: MAC, ips: CIDRS })).code).toBe(0);
    expect(await lab.show('pod', 'link show type macvlan')).toEqual([]);
    expect(await lab.enter(['sh', '-c', 'ls /run/var-lib/cni/results'])).toBe('');
    // The same MAC address on the same NIC: nothing holds it any more.
    await network.add('pod', { mac: MAC, ips: CIDRS });
  });

  test('is told and left alone where the attachment says Report, with NET_ADMIN alone', async () => {
    await attach({ spec: { ...IN_PLACE, repair: { type: 'Report' } } }, '+net_admin');
    await becomes('Attached');
    await unplug();
    await becomes('Ghost');
    await plug();
    await agent.hasEntry('lan', 'Ready');
    expect(entry()).toMatchObject({ state: 'Ghost' });
    expect(entry()?.problem).toBeUndefined();
    expect(await lab.show('pod', 'link show dev net1')).toEqual([]);
  });

  test('is told why it stays a ghost while the agent may not enter pods', async () => {
    await attach({ spec: IN_PLACE }, '+net_admin');
    await becomes('Attached');
    await unplug();
    await becomes('Ghost');
    await plug();
    await until('a reason', () => entry()?.problem !== undefined);
    expect(entry()?.problem).toMatchObject({
      reason: 'RepairRefused',
      message: expect.stringContaining('CAP_SYS_ADMIN'),
    });
  });

  test('is told why it stays a ghost when plugins ran after macvlan', async () => {
    await attach({
      spec: { ...IN_PLACE, chain: [{ type: 'tuning', sysctl: { 'net.ipv4.conf.net1.arp_filter': '1' } }] },
    });
    await becomes('Attached');
    await unplug();
    await becomes('Ghost');
    await plug();
    await until('a reason', () => entry()?.problem !== undefined);
    expect(entry()?.problem).toMatchObject({ reason: 'RepairRefused', message: expect.stringContaining('(tuning)') });
  });

  test('is told what the kernel says when its MAC address is in use, and has its link again when that ends', async () => {
    await attach({ spec: IN_PLACE });
    await becomes('Attached');
    await unplug();
    await becomes('Ghost');
    await lab.addNamespace('other');
    await lab.ip('router', `link add sw0 type veth peer name ${NIC} netns node`);
    await lab.ip('node', `link add name net1 link ${NIC} netns other address ${MAC} type macvlan mode bridge`);
    await lab.ip('node', `link set ${NIC} up`);
    await lab.ip('other', 'link set net1 up');
    await lab.ip('router', 'link set sw0 up');
    await until('a reason', () => entry()?.problem !== undefined);
    expect(entry()?.problem).toMatchObject({
      reason: 'RepairRefused',
      message: expect.stringContaining('has its MAC'),
    });
    expect(await lab.show('pod', 'link show type macvlan')).toEqual([]);
    await lab.ip('other', 'link del net1');
    await becomes('Repaired');
  });
});

describe('a pod that', () => {
  test('is ending is not taken for a ghost', async () => {
    await attach({ spec: IN_PLACE });
    await becomes('Attached');
    agent.statuses.splice(0, agent.statuses.length - 1);
    await network.call('del', 'pod', { mac: MAC, ips: CIDRS });
    await lab.enter(['ip', 'netns', 'del', 'pod']);
    agent.removePod('home/pod');
    await until('the pod is gone from the state', () => (agent.status.pods ?? []).length === 0);
    expect(agent.statuses.flatMap((status) => status.pods ?? []).map((pod) => pod.state)).not.toContain('Ghost');
  });

  test('was given its link with other settings than those of now is stale', async () => {
    await attach({ spec: IN_PLACE });
    await becomes('Attached');
    agent.putAttachment(attachmentOn(NIC, { spec: { ...IN_PLACE, mtu: 1400 } }));
    await becomes('Stale');
    agent.putAttachment(attachmentOn(NIC, { spec: IN_PLACE }));
    await becomes('Attached');
  });

  test('asks for the attachment and runs without ever having been attached is told so', async () => {
    await attach({ spec: IN_PLACE });
    const { metadata } = podOn('late', { ip: IP, mac: MAC });
    const annotations = { 'k8s.v1.cni.cncf.io/networks': 'lan' };
    agent.putPod({ metadata: { ...metadata, annotations }, spec: {}, status: { phase: 'Running' } });
    await until('it is told', () => agent.status.pods?.some((pod) => pod.state === 'NeverAttached') === true);
  });
});

describe('a hundred pods on one NIC', () => {
  test('are all ghosts when it goes, and all have their link again when another one comes', async () => {
    await attach({ spec: IN_PLACE });
    await lab.ip('node', `addr flush dev ${NIC}`);
    const pods = Array.from({ length: 100 }, (_, i) => ({
      name: `many${i}`,
      ip: `10.9.1.${i + 1}`,
      mac: `02:aa:00:00:01:${i.toString(16).padStart(2, '0')}`,
    }));
    await plugMany(pods);
    for (const { name, ip, mac } of pods) agent.putPod(podOn(name, { ip, mac }));
    const inState = (state: NodePod['state']) => {
      const links = agent.status.pods ?? [];
      return links.length === 101 && links.every((pod) => pod.state === state);
    };
    await until('all are known', () => inState('Attached'));
    await unplug();
    await until('all are ghosts', () => inState('Ghost'), 30_000);
    await plug();
    const ready = performance.now();
    await until('all are repaired', () => inState('Repaired'), 30_000);
    console.log(`100 pods: all repaired, and told, within ${(performance.now() - ready).toFixed(0)} ms`);
    await lab.ip('router', 'addr add 10.9.2.254/16 dev sw0');
    for (const { ip } of [pods[0], pods[99]].filter((pod) => pod !== undefined)) {
      await until(`${ip} answers`, () => lab.pings('router', ip));
    }
  });
});

/** Links and cache files as CNI would leave them, without calling it two hundred times. */
async function plugMany(pods: readonly { name: string; ip: string; mac: string }[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'many-pods-'));
  const config = Buffer.from(formatConfig(attachmentOn(NIC, { spec: IN_PLACE }))).toString('base64');
  const lines = pods.map(({ name, ip, mac }) => {
    const netns = `/var/run/netns/${name}`;
    const cniArgs = [
      ['K8S_POD_NAMESPACE', 'home'],
      ['K8S_POD_NAME', name],
      ['K8S_POD_UID', `uid-${name}`],
    ];
    const interfaces = [{ name: 'net1', mac, sandbox: netns }];
    const result = { interfaces, ips: [{ address: `${ip}/16`, interface: 0 }] };
    const file = { kind: 'cniCacheV1', config, cniArgs, ifName: 'net1', netns, networkName: 'lan', result };
    writeFileSync(join(folder, `lan-${name}-net1`), JSON.stringify(file));
    return [
      `ip netns add ${name}`,
      `ip -n node link add name net1 link ${NIC} netns ${name} address ${mac} type macvlan mode bridge`,
      `ip -n ${name} addr add ${ip}/16 dev net1 && ip -n ${name} link set net1 up`,
    ].join(' && ');
  });
  await lab.enter(['sh', '-ec', `${lines.join('\n')}\ncp ${folder}/* /run/var-lib/cni/results/`]);
  rmSync(folder, { recursive: true });
}

describe('the agent keeps no namespace alive', () => {
  test('so that of twenty pods with one MAC address, each comes up after the one before it died without a DEL', async () => {
    await attach({ spec: IN_PLACE });
    let before = 'pod';
    for (let i = 0; i < 20; i++) {
      const next = `pod${i}`;
      await until('the agent has looked at it', () => agent.status.pods?.some((pod) => pod.name === before) === true);
      await lab.addNamespace(next);
      await lab.enter(['ip', 'netns', 'del', before]);
      agent.removePod(`home/${before}`);
      await until(`${next} is attached`, async () => {
        const answer = await network.call('add', next, { mac: MAC, ips: CIDRS });
        if (answer.code !== 0) await network.call('del', next, { mac: MAC, ips: CIDRS });
        return answer.code === 0;
      });
      agent.putPod(podOn(next, { ip: IP, mac: MAC }));
      before = next;
    }
    expect(await once(lab.spawn('pod19', ['true']), 'exit')).toEqual([0, null]);
  });
});
