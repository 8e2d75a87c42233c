// What the LAN sees of a shim that answers its pods for the IPv6 address of the node. It hears the LAN's questions too; the filter on
// what leaves it keeps its answers away from there. Counted; also when the answer of the parent is lost.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { until } from '../support/until.ts';
import type { LabAgent } from './support/agent.ts';
import { NODE_IP6, plugDualPod, startDualStack } from './support/dual-stack.ts';
import type { Frame, Lab } from './support/lab.ts';
import { NIC, NIC_MAC } from './support/lan.ts';

jest.setTimeout(120_000);

type IPv6Frame = Frame & { readonly icmp6?: { readonly type: string; readonly override?: boolean } };

let lab: Lab;
let agent: LabAgent;
let shim: string;
let shimMac: string;

beforeEach(async () => {
  ({ lab, agent } = await startDualStack(['pod']));
  const { name, mac } = await plugDualPod(lab, agent);
  shim = name;
  shimMac = mac;
});

afterEach(async () => {
  await agent.stop();
  await lab.stop();
});

/** The MAC address under which the router knows the node. */
async function known(): Promise<string | undefined> {
  const [entry] = await lab.show<{ lladdr?: string }>('router', `-6 neigh show ${NODE_IP6} dev sw0`);
  return entry?.lladdr;
}

/** The router forgets everything and asks again. */
async function learntAnew(): Promise<string | undefined> {
  await lab.ip('router', '-6 neigh flush all');
  await lab.pings('router', NODE_IP6);
  return known();
}

describe('the LAN', () => {
  test('knows the node by the MAC address of its parent, 100 times of 100, whatever the shim says as well', async () => {
    const stopSniffing = await lab.sniff('router', 'sw0');
    const found: (string | undefined)[] = [];
    for (let i = 0; i < 100; i++) {
      found.push(await learntAnew());
      if (i % 20 === 0) await lab.pings('pod', NODE_IP6);
    }
    const frames = (await stopSniffing()) as readonly IPv6Frame[];
    const own = frames.filter((frame) => frame.src === shimMac);
    console.log(`100 resolutions: the LAN saw ${own.length} frames of the shim and ${frames.length} in all`);
    expect(new Set(found)).toEqual(new Set([NIC_MAC]));
    expect(frames.filter(({ icmp6 }) => icmp6?.type === 'na').length).toBeGreaterThan(90);
    // What it says when it starts is said before its pod is known: nothing about anybody's address.
    expect(own).toEqual([]);
  });

  test('learns nothing from the shim when the answers of the parent are lost, and knows the parent once they come', async () => {
    const table = `add table netdev lost; add chain netdev lost out { type filter hook egress device ${NIC} priority 0; }`;
    const rule = `add rule netdev lost out ether saddr ${NIC_MAC} icmpv6 type nd-neighbor-advert drop`;
    await lab.exec('node', ['nft', `${table}; ${rule}`]);
    for (let i = 0; i < 5; i++) expect([undefined, NIC_MAC]).toContain(await learntAnew());
    await lab.exec('node', ['nft', 'delete table netdev lost']);
    expect(await lab.pings('pod', NODE_IP6)).toBe(true);
    await until('the parent is known', async () => (await learntAnew()) === NIC_MAC);
  });

  test('sees the answers of the shim where the kernel has no filter, and the parent keeps the last word', async () => {
    await agent.stop();
    await lab.exec('node', ['tc', 'qdisc', 'del', 'dev', shim, 'clsact']);
    const stopSniffing = await lab.sniff('router', 'sw0');
    const found: (string | undefined)[] = [];
    for (let i = 0; i < 50; i++) found.push(await learntAnew());
    const frames = (await stopSniffing()) as readonly IPv6Frame[];
    const advertised = frames.filter(({ src, icmp6 }) => src === shimMac && icmp6?.type === 'na');
    console.log(
      `50 resolutions without filter: the shim sent ${advertised.length} neighbour advertisements to the LAN`,
    );
    expect(new Set(found)).toEqual(new Set([NIC_MAC]));
    // Without the override flag they replace nothing that a neighbour knows already.
    expect(advertised.filter(({ icmp6 }) => icmp6?.override === true)).toEqual([]);
  });
});
