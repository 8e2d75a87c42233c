// An IPv4 or MAC address of a pod that another device of the LAN has: the node asks the LAN, where its own pods do not hear it.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { attachmentOn, LabAgent, podOn } from './support/agent.ts';
import type { Lab } from './support/lab.ts';
import { NIC, NODE_IP, plugPod, ROUTER_IP, startLan } from './support/lan.ts';

jest.setTimeout(180_000);

const POD = { ip: '10.9.0.50', mac: '02:4d:00:00:00:07' };
const OTHER = { ip: '10.9.0.51', mac: '02:4d:00:00:00:08' };

let lab: Lab;
let agent: LabAgent;

const entry = (name: string) => agent.status.pods?.find((pod) => pod.name === name);
const macOf = async (namespace: string, link: string) =>
  (await lab.show<{ address: string }>(namespace, `link show dev ${link}`))[0]?.address ?? '';
const neighbours = async () => (await lab.ip('node', `-4 neigh show dev ${NIC}`)).trim();

beforeEach(async () => {
  lab = await startLan(['pod', 'other']);
  agent = LabAgent.start(lab, 'node', { capabilities: '+net_admin' });
  agent.putAttachment(attachmentOn(NIC, { spec: { hostAccess: { type: 'Routed' } } }));
  await agent.hasEntry('lan', 'Ready');
  await plugPod(lab, 'pod', { parent: 'mva-lan', ...POD });
  await plugPod(lab, 'other', { parent: 'mva-lan', ...OTHER });
});

afterEach(async () => {
  await agent.stop();
  await lab.stop();
});

function putPods(): void {
  agent.putPod(podOn('pod', POD));
  agent.putPod(podOn('other', OTHER));
}

/** So long after nothing was told, nothing will be: it is told within six seconds. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 10_000));

describe('an IPv4 address', () => {
  test('that another device has is told with its MAC address, and no longer when it has gone', async () => {
    await lab.ip('router', `addr add ${POD.ip}/24 dev sw0`);
    putPods();
    await until('it is told', () => entry('pod')?.duplicates?.includes(POD.ip) === true, 30_000);
    expect(entry('pod')?.rivals).toEqual([{ address: POD.ip, mac: await macOf('router', 'sw0') }]);
    expect(entry('pod')).toMatchObject({ state: 'Attached' });
    expect(entry('other')).not.toHaveProperty('duplicates');
    await lab.ip('router', `addr del ${POD.ip}/24 dev sw0`);
    await until('it is told no longer', () => entry('pod')?.duplicates === undefined, 90_000);
    expect(entry('pod')).not.toHaveProperty('rivals');
  });

  test('that nobody else has is asked for without a trace, and without disturbing the pod', async () => {
    putPods();
    await until('they are told', () => entry('other') !== undefined);
    await quiet();
    expect(agent.status.pods?.some(({ duplicates }) => duplicates !== undefined)).toBe(false);
    expect(await neighbours()).not.toContain(POD.ip);
    expect(await lab.pings('pod', ROUTER_IP)).toBe(true);
    expect(await lab.pings('pod', NODE_IP)).toBe(true);
  });

  test("for which a router answers that answers for all (proxy ARP) is nobody else's", async () => {
    await lab.exec('router', ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    await lab.exec('router', ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/sw0/proxy_arp_pvlan']);
    await lab.exec('router', ['sh', '-c', 'echo 0 > /proc/sys/net/ipv4/neigh/sw0/proxy_delay']);
    expect(await lab.macsOf('node', NIC, '10.9.0.99', 2)).toHaveLength(1); // it does
    putPods();
    await until('they are told', () => entry('other') !== undefined);
    await quiet();
    expect(agent.status.pods?.some(({ duplicates }) => duplicates !== undefined)).toBe(false);
  });

  test('that somebody has written down for good is not asked for', async () => {
    await lab.ip('node', `neigh replace ${POD.ip} lladdr 02:00:00:00:00:99 nud permanent dev ${NIC}`);
    putPods();
    await until('they are told', () => entry('other') !== undefined);
    await quiet();
    expect(await neighbours()).toMatch(/^10\.9\.0\.50 lladdr 02:00:00:00:00:99 PERMANENT/m);
    expect(entry('pod')).not.toHaveProperty('duplicates');
  });
});

test("a MAC address that a device has to which the node talks is told with that one's address", async () => {
  await lab.ip('router', `link set sw0 address ${POD.mac}`);
  await lab.pings('node', ROUTER_IP);
  expect(await neighbours()).toContain(`${ROUTER_IP} lladdr ${POD.mac}`);
  putPods();
  await until('it is told', () => entry('pod')?.duplicates?.includes(POD.mac) === true, 30_000);
  expect(entry('pod')?.rivals).toEqual([{ address: ROUTER_IP, mac: POD.mac }]);
  expect(entry('other')).not.toHaveProperty('duplicates');
});
