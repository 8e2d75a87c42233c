// The MAC-filter probe on the real kernel: what it finds on which LAN, what the LAN sees of it, and that nothing of it stays.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { programFor } from '../../src/domain/shim/egress.ts';
import { until } from '../support/until.ts';
import { attachmentOn, LabAgent } from './support/agent.ts';
import type { Frame, Lab } from './support/lab.ts';
import { NIC, NIC_MAC, NODE_IP, photograph, plugPod, ROUTER_IP, startLan } from './support/lan.ts';

jest.setTimeout(120_000);

const PROBED = attachmentOn(NIC, { spec: { macFilterProbe: { type: 'Gateway' } } });
/** A probe takes three seconds when nobody answers; a slow day takes longer. */
const LONG = 30_000;

let lab: Lab;
const agents: LabAgent[] = [];

function startAgent(init?: Parameters<typeof LabAgent.start>[2]): LabAgent {
  const agent = LabAgent.start(lab, 'node', init);
  agents.push(agent);
  return agent;
}

const probeLinks = async () => {
  const links = await lab.show<ProbeLink>('node', 'link');
  return links.filter(({ ifname }) => ifname.startsWith('mvp-'));
};
const warningsOf = (agent: LabAgent) =>
  (agent.entry('lan')?.problems ?? []).filter(({ severity }) => severity === 'Warning').map(({ reason }) => reason);
const verdictOf = (agent: LabAgent) => agent.entry('lan')?.macFilterProbe;

async function finds(agent: LabAgent, verdict: string): Promise<void> {
  await until(`the probe finds ${verdict}`, () => verdictOf(agent) === verdict, LONG);
}

/** Only frames from the NIC's own MAC address get through: forged transmits are refused. */
const refuseForeignSenders = () => filterFrames('ingress', 6, [NIC_MAC]);
/** Only frames to the NIC's own MAC address, and to everybody, are delivered: no promiscuous mode. */
const deliverToNicOnly = () => filterFrames('egress', 0, [NIC_MAC, 'ff:ff:ff:ff:ff:ff']);

/** A switch port in front of the router, as traffic control: frames pass with one of these MAC addresses at that offset. */
async function filterFrames(direction: string, offset: number, macs: readonly string[]): Promise<void> {
  const program = programFor(macs).map(({ code, jt, jf, k }) => {
    const isLoad = code === 0x20 || code === 0x28;
    return `${code} ${jt} ${jf} ${isLoad ? k + offset : k}`;
  });
  await lab.exec('router', ['tc', 'qdisc', 'add', 'dev', 'sw0', 'clsact']);
  const bytecode = [`${program.length}`, ...program].join(',');
  await lab.exec('router', ['tc', 'filter', 'add', 'dev', 'sw0', direction, 'bpf', 'da', 'bytecode', bytecode]);
}

beforeEach(async () => {
  lab = await startLan(['pod']);
});

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop();
  await lab.stop();
});

describe('the MAC-filter probe', () => {
  test.each([
    ['takes frames from the MAC address of the NIC only', refuseForeignSenders],
    ['delivers frames to the MAC address of the NIC only', deliverToNicOnly],
  ])('suspects a switch that %s, and the node is ready all the same', async (_, filter) => {
    await filter();
    const agent = startAgent();
    agent.putAttachment(PROBED);
    await finds(agent, 'Filtered');
    expect(agent.entry('lan')).toMatchObject({ phase: 'Ready' });
    expect(warningsOf(agent)).toEqual(['MacFilteringSuspected']);
    expect(agent.entry('lan')?.problems?.[0]?.message).toContain(ROUTER_IP);
    expect(await probeLinks()).toEqual([]);
  });

  test('says nothing on a plain LAN', async () => {
    const agent = startAgent();
    agent.putAttachment(PROBED);
    await finds(agent, 'Open');
    expect(agent.entry('lan')).toMatchObject({ phase: 'Ready' });
    expect(JSON.stringify(agent.statuses)).not.toContain('MacFiltering');
    expect(agent.entry('lan')?.problems).toBeUndefined();
  });

  test('claims nothing where the gateway answers nobody', async () => {
    await lab.exec('router', ['sh', '-c', 'echo 8 > /proc/sys/net/ipv4/conf/sw0/arp_ignore']);
    const agent = startAgent();
    agent.putAttachment(PROBED);
    await finds(agent, 'Unclear');
    expect(agent.entry('lan')).toMatchObject({ phase: 'Ready' });
    expect(agent.entry('lan')?.problems).toBeUndefined();
  });

  test('asks nobody where no gateway is known, and the one that is named where one is', async () => {
    await lab.ip('node', 'route del default');
    const agent = startAgent();
    agent.putAttachment(PROBED);
    await finds(agent, 'NoGateway');
    const named = { type: 'Gateway', gateway: ROUTER_IP } as const;
    agent.putAttachment(attachmentOn(NIC, { spec: { macFilterProbe: named } }));
    await finds(agent, 'Open');
  });

  test('is not made without being asked for', async () => {
    const stopSniffing = await lab.sniff('router', 'sw0');
    const agent = startAgent();
    agent.putAttachment(attachmentOn(NIC));
    await agent.hasEntry('lan', 'Ready');
    expect(probesIn(await stopSniffing())).toEqual([]);
    expect(verdictOf(agent)).toBeUndefined();
  });

  test('needs the right to make packet sockets, and leaves everything as it is without', async () => {
    const agent = startAgent({ capabilities: '+net_admin' });
    const seen: string[] = [];
    agent.putAttachment(PROBED);
    await agent.hasEntry('lan', 'Ready');
    for (let i = 0; i < 20; i++) seen.push(...(await probeLinks()).map(({ ifname }) => ifname));
    expect(seen).toEqual([]);
    expect(verdictOf(agent)).toBeUndefined();
  });
});

describe('what others see of a probe', () => {
  test('is its questions and nothing else: no address of the node, no IPv6, no entry in a table of neighbours', async () => {
    await plugPod(lab, 'pod', { parent: NIC, ip: '10.9.0.2', mac: '02:aa:00:00:00:02' });
    const stopSniffing = await lab.sniff('router', 'sw0');
    const stopSniffingInPod = await lab.sniff('pod', 'net1');
    const agent = startAgent();
    const { mac, addresses, ipv6, macs } = await duringProbe(agent, async ({ ifname, address }) => ({
      mac: address,
      addresses: await lab.ip('node', `addr show dev ${ifname}`),
      ipv6: await lab.exec('node', ['cat', `/proc/sys/net/ipv6/conf/${ifname}/disable_ipv6`]),
      // The kernel would answer for the node on every link that does ARP.
      macs: await lab.macsOf('router', 'sw0', NODE_IP, 5),
    }));
    expect(addresses).not.toContain('inet');
    expect(ipv6.trim()).toBe('1');
    expect(macs).toEqual([NIC_MAC]);
    await finds(agent, 'Unclear');
    const frames = (await stopSniffing()).filter(({ src }) => src === mac);
    expect(frames.length).toBeGreaterThanOrEqual(3);
    for (const frame of frames) {
      expect(frame).toMatchObject({ dst: 'ff:ff:ff:ff:ff:ff', arp: { op: 'request', spa: '0.0.0.0' } });
    }
    expect((await stopSniffingInPod()).filter(({ src }) => src === mac)).toEqual([]);
    expect(JSON.stringify(await lab.show('router', 'neigh'))).not.toContain(mac);
  });

  test('is gone afterwards, also from a node whose agent was killed in the middle', async () => {
    await lab.exec('router', ['sh', '-c', 'echo 8 > /proc/sys/net/ipv4/conf/sw0/arp_ignore']);
    const before = await photograph(lab);
    const killed = LabAgent.start(lab, 'node');
    killed.putAttachment(PROBED);
    await until('a probe is under way', async () => (await probeLinks()).length > 0, LONG);
    await killed.kill();
    expect(await probeLinks()).toHaveLength(1);
    // One that only looks like one of ours stays.
    await lab.ip('node', `link add mvp-somebody link ${NIC} type macvlan mode bridge`);
    startAgent();
    await until('it is gone', async () => (await probeLinks()).every(({ ifname }) => ifname === 'mvp-somebody'), LONG);
    await lab.ip('node', 'link del mvp-somebody');
    await lab.ip('node', `link property del dev ${NIC} altname mva-lan`).catch(() => undefined);
    expect(await photograph(lab)).toBe(before);
  });

  test('is gone also when the agent is told to stop in the middle', async () => {
    await lab.exec('router', ['sh', '-c', 'echo 8 > /proc/sys/net/ipv4/conf/sw0/arp_ignore']);
    const agent = startAgent();
    agent.putAttachment(PROBED);
    await until('a probe is under way', async () => (await probeLinks()).length > 0, LONG);
    await agent.stop();
    expect(await probeLinks()).toEqual([]);
  });
});

interface ProbeLink {
  readonly ifname: string;
  readonly address: string;
}

/**
 * What `look` sees while a probe is under way. It lasts three seconds when nobody answers; should they be over too soon, somebody
 * else is asked for who is not there either.
 */
async function duringProbe<T>(agent: LabAgent, look: (link: ProbeLink) => Promise<T>): Promise<T> {
  for (let last = 200; last < 210; last++) {
    const gateway = `10.9.0.${last}`;
    agent.putAttachment(attachmentOn(NIC, { spec: { macFilterProbe: { type: 'Gateway', gateway } } }));
    const isUp = async () =>
      (await lab.show('node', 'link show up')).some((link) => String(link['ifname']).startsWith('mvp-'));
    await until('a probe is under way', isUp, LONG);
    const [link] = await probeLinks();
    const seen = link === undefined ? undefined : await look(link).catch(() => undefined);
    if (seen !== undefined && (await probeLinks()).length > 0) return seen;
    await finds(agent, 'Unclear');
  }
  throw new Error('each probe was over before it was looked at');
}

/** Questions that name no sender. */
function probesIn(frames: readonly Frame[]): readonly Frame[] {
  return frames.filter((frame) => JSON.stringify(frame).includes('"spa":"0.0.0.0"'));
}
