// What the LAN learns about the node while its parent's answers are late or lost, and while pods come and go: the MAC address of the
// parent, or nothing; never the shim's. Counted.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { type LabAgent, podOn } from './support/agent.ts';
import { NODE_IP6, plugDualPod, startDualStack } from './support/dual-stack.ts';
import type { Lab } from './support/lab.ts';
import { NIC, NIC_MAC, NODE_IP, plugPod } from './support/lan.ts';

jest.setTimeout(180_000);

/** The parent's answers about addresses, in both families. */
const ANSWERS = [`ether saddr ${NIC_MAC} arp operation reply`, `ether saddr ${NIC_MAC} icmpv6 type nd-neighbor-advert`];

let lab: Lab;
let agent: LabAgent;
let shimMac: string;

beforeEach(async () => {
  ({ lab, agent } = await startDualStack(['pod', 'other']));
  ({ mac: shimMac } = await plugDualPod(lab, agent));
});

afterEach(async () => {
  await agent.stop();
  await lab.stop();
});

/** The router forgets the node and asks again: what it knows then, or `nothing`. */
async function learnt(address: string): Promise<string> {
  await lab.ip('router', `neigh flush dev sw0`).catch(() => '');
  await lab.ip('router', `-6 neigh flush dev sw0`).catch(() => '');
  await lab.pings('router', address);
  const [entry] = await lab.show<{ lladdr?: string }>('router', `neigh show ${address} dev sw0`);
  return entry?.lladdr ?? 'nothing';
}

/** The same often, in both families in turn; `between` is done before each. */
async function learntOften(rounds: number, between: (round: number) => Promise<void> = async () => {}) {
  const stopSniffing = await lab.sniff('router', 'sw0');
  const counts = new Map<string, number>();
  const begin = performance.now();
  for (let i = 0; i < rounds; i++) {
    await between(i);
    for (const address of [NODE_IP, NODE_IP6]) {
      const mac = await learnt(address);
      const who = mac === NIC_MAC ? 'the parent' : mac === shimMac ? 'the shim' : mac;
      const key = `${address} is ${who}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const eachMs = (performance.now() - begin) / rounds / 2;
  const own = (await stopSniffing()).filter((frame) => frame.src === shimMac);
  return { counts: Object.fromEntries(counts), frames: own.length, eachMs };
}

const onNode = (script: string) => lab.exec('node', ['sh', '-ec', script]);

/** Does something to each of the parent's answers as it leaves the node. */
async function withAnswers(verdict: string): Promise<void> {
  await onNode(`nft 'add table netdev answers; add chain netdev answers out { type filter hook egress device ${NIC} priority 0; }'
    ${ANSWERS.map((match) => `nft 'add rule netdev answers out ${match} ${verdict}'`).join('\n')}`);
}

describe('the LAN', () => {
  test('knows the node by its parent alone, 100 times of 100 in each family, while pods come and go', async () => {
    const extra = (round: number) => ({
      ip: `10.9.0.${20 + (round % 50)}`,
      mac: `02:aa:00:00:01:${10 + (round % 50)}`,
    });
    const found = await learntOften(100, async (round) => {
      const pod = extra(round);
      if (round % 2 === 1) {
        await lab.ip('other', 'link del net1');
        agent.removePod('home/other');
        return;
      }
      await plugPod(lab, 'other', { parent: 'mva-lan', ...pod });
      const { metadata, ...rest } = podOn('other', pod);
      agent.putPod({ metadata, ...rest });
      agent.putPod(podOn(`only-told-${round % 7}`, { ...pod, ip: `fd00::1:${round}` }));
    });
    console.log('pods come and go:', found);
    expect(found.counts).toEqual({ [`${NODE_IP} is the parent`]: 100, [`${NODE_IP6} is the parent`]: 100 });
    expect(found.frames).toBe(0);
    expect(await lab.pings('pod', NODE_IP6)).toBe(true);
  });

  test('learns nothing by questions when all answers of the parent are lost, and the parent once they come', async () => {
    await withAnswers('drop');
    const found = await learntOften(5);
    console.log('answers lost:', found);
    // The node itself asks at first who else has addresses of its pods, and whoever hears that may know it.
    const { [`${NODE_IP} is nothing`]: nothing = 0, [`${NODE_IP} is the parent`]: told = 0 } = found.counts;
    expect(nothing).toBeGreaterThan(2);
    expect(nothing + told).toBe(5);
    expect(found).toMatchObject({ counts: { [`${NODE_IP6} is nothing`]: 5 }, frames: 0 });
    await onNode('nft delete table netdev answers');
    await until('the parent is known', async () => (await learnt(NODE_IP)) === NIC_MAC);
    await until('the parent is known', async () => (await learnt(NODE_IP6)) === NIC_MAC);
  });

  test('learns the parent or nothing when two of three answers are lost', async () => {
    await withAnswers('numgen inc mod 3 != 0 drop');
    const found = await learntOften(15);
    console.log('two of three answers lost:', found);
    expect(JSON.stringify(found.counts)).not.toContain('the shim');
    expect(found.frames).toBe(0);
  });

  test('learns the parent or nothing when its answers are late', async () => {
    // A class of its own for the answers, in which a few hundred bytes pass in a second.
    await onNode(`tc qdisc add dev ${NIC} root handle 1: htb
      tc class add dev ${NIC} parent 1: classid 1:2 htb rate 1kbit ceil 1kbit burst 100 cburst 100`);
    await withAnswers('meta priority set 1:2');
    const found = await learntOften(15);
    console.log('answers late:', found);
    expect(found.eachMs).toBeGreaterThan(200);
    expect(JSON.stringify(found.counts)).not.toContain('the shim');
    expect(found.frames).toBe(0);
  });
});
