// Host access on nodes as they are: strict and loose reverse-path filters, several addresses and NICs, and the masquerading of a
// usual cluster network, by which pods of the cluster reach macvlan pods of the same node.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { LabAgent, podOn, ROUTED } from './support/agent.ts';
import { addIPv6, NODE_IP6, POD, POD_IP6, podWith } from './support/dual-stack.ts';
import type { Lab } from './support/lab.ts';
import { NIC, NIC_MAC, NODE_IP, plugPod, ROUTER_IP, startLan } from './support/lan.ts';
import { plugNic } from './support/standing.ts';

jest.setTimeout(60_000);

const CLUSTER = '10.42.0.0/16';

let lab: Lab;
let agent: LabAgent;

const onNode = (script: string) => lab.exec('node', ['sh', '-ec', script]);

/** Another NIC with the default route. It comes first: its address is what the kernel takes for a link that has none. */
async function addManagementNic(): Promise<void> {
  await lab.ip('node', `link del ${NIC}`);
  await lab.ip('router', 'link add mg0 type veth peer name mgmt0 netns node');
  await lab.ip('router', 'addr add 172.20.0.1/24 dev mg0');
  await lab.ip('router', 'link set mg0 up');
  await lab.ip('node', 'addr add 172.20.0.5/24 dev mgmt0');
  await lab.ip('node', 'link set mgmt0 up');
  await lab.ip('node', 'route replace default via 172.20.0.1');
  await plugNic(lab);
  await addIPv6(lab);
}

/** The cluster's own network: a bridge on the node, and a pod behind it. */
async function addClusterPod(): Promise<void> {
  await lab.ip('node', 'link add cni0 type bridge');
  await lab.ip('node', 'addr add 10.42.0.1/24 dev cni0');
  await lab.ip('node', 'link set cni0 up');
  await lab.ip('node', 'link add veth0 type veth peer name eth0 netns plain');
  await lab.ip('node', 'link set veth0 master cni0');
  await lab.ip('node', 'link set veth0 up');
  await lab.ip('plain', 'addr add 10.42.0.7/24 dev eth0');
  await lab.ip('plain', 'link set eth0 up');
  await lab.ip('plain', 'route add default via 10.42.0.1');
  await onNode('echo 1 > /proc/sys/net/ipv4/ip_forward');
}

async function filterReversePaths(mode: number): Promise<void> {
  await onNode(`for link in all default ${NIC}; do echo ${mode} > /proc/sys/net/ipv4/conf/$link/rp_filter; done`);
}

async function startWithPod(ips: readonly string[] = [POD.ip]): Promise<void> {
  agent = LabAgent.start(lab, 'node');
  agent.putAttachment(ROUTED);
  await agent.hasEntry('lan', 'Ready');
  await plugPod(lab, 'pod', { parent: 'mva-lan', ...POD });
  agent.putPod(podWith(ips));
  await until('the pod is reached', () => lab.pings('node', POD.ip));
}

beforeEach(async () => {
  lab = await startLan(['pod', 'plain', 'other']);
  await addIPv6(lab);
});

afterEach(async () => {
  await agent.stop();
  await lab.stop();
});

describe('host access', () => {
  test.each([
    ['no', 0],
    ['a strict', 1],
    ['a loose', 2],
  ])('works in both families with %s reverse-path filter', async (_name, mode) => {
    await filterReversePaths(mode);
    await addManagementNic();
    await startWithPod([POD.ip, POD_IP6]);
    await lab.ip('pod', `-6 addr add ${POD_IP6}/64 dev net1 nodad`);
    for (const target of [NODE_IP, NODE_IP6, ROUTER_IP]) {
      await until(`${target} from the pod`, () => lab.pings('pod', target));
    }
    await until('the pod by IPv6', () => lab.pings('node', POD_IP6));
    expect(await lab.pings('router', NODE_IP)).toBe(true);
    expect(await lab.macsOf('router', 'sw0', NODE_IP, 10)).toEqual([NIC_MAC]);
  });

  test('takes as source the one of several addresses whose subnet holds the pod', async () => {
    await lab.ip('node', `addr add 10.20.0.1/24 dev ${NIC}`);
    await startWithPod();
    await plugPod(lab, 'other', { parent: 'mva-lan', ip: '10.20.0.2', mac: '02:aa:00:00:00:03' });
    agent.putPod(podOn('second', { ip: '10.20.0.2', mac: '02:aa:00:00:00:03' }));
    const shim = agent.status.shims?.[0]?.name ?? '';
    await until('both routes', async () => (await lab.show('node', `route show dev ${shim}`)).length === 2);
    expect(await lab.show('node', `route show dev ${shim}`)).toMatchObject([
      { dst: '10.9.0.2', prefsrc: NODE_IP },
      { dst: '10.20.0.2', prefsrc: '10.20.0.1' },
    ]);
    await until('the second pod', () => lab.pings('node', '10.20.0.2'));
    expect(await lab.pings('other', '10.20.0.1')).toBe(true);
  });

  test.each([
    [
      'nftables',
      `nft add table ip nat && nft 'add chain ip nat post { type nat hook postrouting priority 100; }' &&
       nft 'add rule ip nat post ip saddr ${CLUSTER} ip daddr != ${CLUSTER} masquerade'`,
    ],
    [
      'iptables, with the rules of kube-proxy and of a cluster network that lets only its own pass',
      `iptables-legacy -t nat -N KUBE-POSTROUTING
       iptables-legacy -t nat -A POSTROUTING -j KUBE-POSTROUTING
       iptables-legacy -t nat -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
       iptables-legacy -t nat -A KUBE-POSTROUTING -j MASQUERADE
       iptables-legacy -t nat -A POSTROUTING -s ${CLUSTER} ! -d ${CLUSTER} -j MASQUERADE
       iptables-legacy -N KUBE-FORWARD
       iptables-legacy -A FORWARD -j KUBE-FORWARD
       iptables-legacy -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
       iptables-legacy -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
       iptables-legacy -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
       iptables-legacy -N KUBE-FIREWALL
       iptables-legacy -A OUTPUT -j KUBE-FIREWALL
       iptables-legacy -A INPUT -j KUBE-FIREWALL
       iptables-legacy -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
       iptables-legacy -P FORWARD DROP
       iptables-legacy -N FLANNEL-FWD
       iptables-legacy -A FORWARD -j FLANNEL-FWD
       iptables-legacy -A FLANNEL-FWD -s ${CLUSTER} -j ACCEPT
       iptables-legacy -A FLANNEL-FWD -d ${CLUSTER} -j ACCEPT`,
    ],
  ])('lets pods of the cluster reach it on a node with two NICs and masquerading by %s', async (_name, rules) => {
    await filterReversePaths(1);
    await addManagementNic();
    await addClusterPod();
    await onNode(rules);
    await startWithPod();
    await until('the macvlan pod from a pod of the cluster', () => lab.pings('plain', POD.ip));
    expect(await lab.pings('plain', ROUTER_IP)).toBe(true);
    expect(await lab.pings('pod', NODE_IP)).toBe(true);
    expect(await lab.pings('node', POD.ip)).toBe(true);
    expect(await lab.macsOf('router', 'sw0', NODE_IP, 10)).toEqual([NIC_MAC]);
  });
});
