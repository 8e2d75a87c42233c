// Host access for IPv6 next to IPv4, on the real kernel: complete, healed and taken down.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { isEqual } from '../../src/domain/objects/equal.ts';
import { until } from '../support/until.ts';
import { LabAgent, ROUTED } from './support/agent.ts';
import {
  addIPv6,
  type IPv6Parts,
  ipv6PartsOf,
  NODE_IP6,
  NOTHING,
  POD,
  POD_IP6,
  podWith,
  ROUTER_IP6,
  WHOLE,
} from './support/dual-stack.ts';
import type { Lab } from './support/lab.ts';
import { NIC, NODE_IP, photograph, plugPod, startLan } from './support/lan.ts';

jest.setTimeout(120_000);

const BOTH = [POD.ip, POD_IP6];

let lab: Lab;
const agents: LabAgent[] = [];

beforeEach(async () => {
  lab = await startLan(['pod']);
  await addIPv6(lab);
});

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop();
  await lab.stop();
});

async function start(ips: readonly string[] = BOTH): Promise<{ agent: LabAgent; shim: string }> {
  const patient = { repairs: 1000, windowMs: 1000, firstPauseMs: 1, longestPauseMs: 1 };
  const agent = LabAgent.start(lab, 'node', { contest: patient });
  agents.push(agent);
  agent.putAttachment(ROUTED);
  await agent.hasEntry('lan', 'Ready');
  await plugPod(lab, 'pod', { parent: 'mva-lan', ...POD });
  await lab.ip('pod', `-6 addr add ${POD_IP6}/64 dev net1 nodad`);
  agent.putPod(podWith(ips));
  const [{ name: shim } = { name: '' }] = agent.status.shims ?? [];
  await until('the pod has its route', async () => (await lab.show('node', `route show dev ${shim}`)).length === 1);
  return { agent, shim };
}

async function has(shim: string, expected: IPv6Parts): Promise<void> {
  let last: IPv6Parts | undefined;
  const look = async () => {
    last = await ipv6PartsOf(lab, shim).catch(() => undefined);
    return isEqual(last, expected);
  };
  await until('the parts', look).catch(() => expect(last).toEqual(expected));
}

describe('host access for IPv6', () => {
  test('lets node and pod reach each other in both families, and the address of the node is not on the shim', async () => {
    const { agent, shim } = await start();
    await has(shim, WHOLE);
    expect(agent.entry('lan')).toMatchObject({ phase: 'Ready', hostAccess: 'Ready' });
    for (const target of [POD.ip, POD_IP6]) expect([target, await lab.pings('node', target)]).toEqual([target, true]);
    for (const target of [NODE_IP, NODE_IP6, ROUTER_IP6]) {
      expect([target, await lab.pings('pod', target)]).toEqual([target, true]);
    }
    expect(await lab.pings('router', POD_IP6)).toBe(true);
  });

  test('switches on forwarding for the shim alone', async () => {
    const { shim } = await start();
    await has(shim, WHOLE);
    const forwarding = await lab.exec('node', ['sh', '-c', 'cd /proc/sys/net/ipv6/conf; grep -l 1 */forwarding']);
    expect(forwarding.trim()).toBe(`${shim}/forwarding`);
  });

  test('is not there for a pod without IPv6, and comes and goes with one that has it', async () => {
    const { agent, shim } = await start([POD.ip]);
    await has(shim, NOTHING);
    agent.putPod(podWith(BOTH));
    await has(shim, WHOLE);
    agent.putPod(podWith([POD.ip]));
    await has(shim, { ...NOTHING, filters: 1 });
  });

  test('takes as source the address whose subnet holds the pod, and answers for that one only', async () => {
    await lab.ip('node', `-6 addr add fd00:b::1/64 dev ${NIC} nodad`);
    const { agent, shim } = await start();
    await has(shim, WHOLE);
    await lab.ip('pod', '-6 addr add fd00:b::2/64 dev net1 nodad');
    agent.putPod(podWith([...BOTH, 'fd00:b::2']));
    await has(shim, {
      ...WHOLE,
      routes: [...WHOLE.routes, 'fd00:b::2 fd00:b::1'],
      neighbours: [...WHOLE.neighbours, `fd00:b::2 ${POD.mac}`],
      proxies: [NODE_IP6, 'fd00:b::1'],
    });
    expect(await lab.pings('node', 'fd00:b::2')).toBe(true);
    expect(await lab.pings('pod', 'fd00:b::1')).toBe(true);
  });

  test('is told to be missing when the node has no address near the pod, and IPv4 works on', async () => {
    const { agent, shim } = await start();
    await has(shim, WHOLE);
    await lab.ip('node', `-6 addr del ${NODE_IP6}/64 dev ${NIC}`);
    const { problems } = await agent.hasEntry('lan', 'Failed');
    expect(problems).toMatchObject([
      {
        reason: 'HostAddressMissing',
        message: `${NIC} has no IPv6 address in the subnet of home/web (${BOTH.join(', ')}).`,
      },
    ]);
    await has(shim, { ...NOTHING, filters: 1 });
    expect(await lab.pings('node', POD.ip)).toBe(true);
    await lab.ip('node', `-6 addr add ${NODE_IP6}/64 dev ${NIC} nodad`);
    await agent.hasEntry('lan', 'Ready');
    await has(shim, WHOLE);
  });

  test('survives its parent being switched off and on, which takes all IPv6 addresses and routes along', async () => {
    const { agent, shim } = await start();
    await has(shim, WHOLE);
    await lab.ip('node', `link set ${NIC} down`);
    await agent.hasEntry('lan', 'Failed');
    await lab.ip('node', `link set ${NIC} up`);
    await lab.ip('node', `-6 addr replace ${NODE_IP6}/64 dev ${NIC} nodad`);
    await agent.hasEntry('lan', 'Ready');
    await has(shim, WHOLE);
    await until('the pod reaches the node', () => lab.pings('pod', NODE_IP6));
  });

  const broken: readonly (readonly [what: string, command: (shim: string) => readonly string[]])[] = [
    ['the route', (shim) => ['ip', '-6', 'route', 'del', POD_IP6, 'dev', shim]],
    ['the route, by one over the parent', () => ['ip', '-6', 'route', 'replace', POD_IP6, 'dev', NIC]],
    ['the neighbour', (shim) => ['ip', '-6', 'neigh', 'del', POD_IP6, 'dev', shim]],
    ['the answer for the node', (shim) => ['ip', '-6', 'neigh', 'del', 'proxy', NODE_IP6, 'dev', shim]],
    [
      'the address that is not to be there',
      (shim) => ['ip', '-6', 'addr', 'add', `${NODE_IP6}/128`, 'dev', shim, 'nodad'],
    ],
    ['proxy_ndp', (shim) => ['sh', '-c', `echo 0 > /proc/sys/net/ipv6/conf/${shim}/proxy_ndp`]],
    ['forwarding', (shim) => ['sh', '-c', `echo 0 > /proc/sys/net/ipv6/conf/${shim}/forwarding`]],
    ['deafness to routers', (shim) => ['sh', '-c', `echo 1 > /proc/sys/net/ipv6/conf/${shim}/accept_ra`]],
    ['the filter', (shim) => ['tc', 'qdisc', 'del', 'dev', shim, 'clsact']],
    ['everything, with the shim', (shim) => ['ip', 'link', 'del', shim]],
  ];

  test('comes back from everything that somebody may do to it', async () => {
    const { shim } = await start();
    await has(shim, WHOLE);
    const took: string[] = [];
    for (const [what, command] of broken) {
      await lab.exec('node', command(shim));
      const begin = performance.now();
      await has(shim, WHOLE);
      took.push(`${what}: ${Math.round(performance.now() - begin)} ms`);
    }
    expect(await lab.pings('pod', NODE_IP6)).toBe(true);
    console.log(`seen whole again after (a look takes six programs):\n  ${took.join('\n  ')}`);
  });

  test('and everything of it is gone after the clean-up: the node is as it was before', async () => {
    const before = await photograph(lab);
    const { agent, shim } = await start();
    await has(shim, WHOLE);
    agent.putAttachment({ ...ROUTED, status: { phase: 'Cleaning' } });
    await until('no entry', () => agent.status.attachments?.length === 0);
    await lab.ip('pod', 'link del net1');
    expect(await photograph(lab)).toBe(before);
    expect((await lab.ip('node', '-6 neigh show proxy')).trim()).toBe('');
  });
});
