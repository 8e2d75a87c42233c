// Everything that an agent is ever in the middle of, as a step from one state of the world to the next.

import { REPAIR_NOTE } from '../../../src/agent/pods/repair.ts';
import type { Pod } from '../../../src/api/kube.ts';
import type { MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import { attachmentOn, podOn } from './agent.ts';
import { FOREIGN_SHIM } from './belongings.ts';
import type { Lab } from './lab.ts';
import { NIC, NIC_MAC, NODE_IP, plugPod, ROUTER_IP } from './lan.ts';

/** What the agent is told of the world. */
export interface Told {
  readonly attachments: readonly MacvlanAttachment[];
  readonly pods: readonly Pod[];
}

export interface KillPlan {
  readonly before: Told;
  /** What happens to the node while no agent runs. */
  readonly meanwhile?: (lab: Lab) => Promise<void>;
  readonly after: Told;
  /** Makes the pods with these namespaces, whose links are really looked at, and made again. */
  readonly realPods?: { readonly names: readonly string[]; readonly plug: (lab: Lab) => Promise<void> };
}

const OTHER_NIC = 'mgmt0';
const spec = { hostAccess: { type: 'Routed' }, ipam: { type: 'None' } } as const;
const on = (nic: string, more: object = {}): MacvlanAttachment =>
  attachmentOn(nic, { spec: { parents: [{ interface: { name: nic } }], ...spec, ...more } });
const LAN = on(NIC);
const WEB = podOn('web', { ip: '10.9.0.2', mac: '02:aa:00:00:00:02' });
const DB = podOn('db', { ip: '10.9.0.3', mac: '02:aa:00:00:00:03' });
const WEB_MOVED = podOn('web', { ip: '10.9.0.12', mac: '02:aa:00:00:00:12' });
const WEB_IPV6 = podOn('web', { ip: 'fd09::2', mac: '02:aa:00:00:00:02' });
const REPAIRED: Told = { attachments: [on(NIC, { repair: { type: 'InPlace' } })], pods: [WEB, DB] };
const ALL: Told = { attachments: [LAN], pods: [WEB, DB] };

export const KILL_PLANS: Readonly<Record<string, KillPlan>> = {
  'an attachment appears': { before: { attachments: [], pods: [] }, after: ALL },
  'an attachment for both families appears': {
    before: { attachments: [], pods: [] },
    after: { attachments: [LAN], pods: [WEB_IPV6, DB] },
  },
  'an attachment ends': {
    before: { attachments: [LAN], pods: [WEB_IPV6, DB] },
    after: { attachments: [{ ...LAN, status: { phase: 'Cleaning' } }], pods: [] },
  },
  'host access ends': {
    before: { attachments: [LAN], pods: [WEB_IPV6, DB] },
    after: { attachments: [on(NIC, { hostAccess: { type: 'None' } })], pods: [WEB_IPV6, DB] },
  },
  'pods come, go, and change their address': {
    before: { attachments: [LAN], pods: [WEB] },
    after: { attachments: [LAN], pods: [WEB_MOVED, DB] },
  },
  'the attachment moves to another NIC': {
    before: ALL,
    after: { attachments: [on(OTHER_NIC)], pods: [WEB, DB] },
  },
  'the NIC is replaced': { before: ALL, meanwhile: replaceNic, after: ALL },
  'links are made again in pods': {
    before: REPAIRED,
    meanwhile: replaceNic,
    after: REPAIRED,
    realPods: { names: ['web', 'db'], plug: plugPods },
  },
  'everything about the shim was changed': { before: ALL, meanwhile: mangle, after: ALL },
};

/** The node's other inhabitants, some of which look like us. */
export async function settleForeigners(lab: Lab): Promise<void> {
  await lab.ip('router', `link add mg0 type veth peer name ${OTHER_NIC} address 52:54:00:00:00:07 netns node`);
  const script = `
    ip -n router addr add 10.9.0.253/24 dev mg0
    ip -n router link set mg0 up
    ip addr add 10.9.0.5/24 dev ${OTHER_NIC} metric 200
    ip link set ${OTHER_NIC} up
    ip link add br0 type bridge
    ip link add port0 type veth peer name tap0
    ip link set port0 master br0 up
    ip addr add 172.20.0.1/24 dev br0
    ip link set br0 up
    ip route add 203.0.113.0/24 via ${ROUTER_IP}
    ip route add 198.51.100.7/32 dev br0 table 100
    ip rule add from 172.20.0.0/24 table 100
    ip neigh add 172.20.0.9 lladdr 02:cc:00:00:00:09 nud permanent dev br0
    ip -6 addr add fd20::1/64 dev br0 nodad
    ip -6 neigh add proxy fd20::9 dev br0`;
  await lab.enter(['ip', 'netns', 'exec', 'node', 'sh', '-ec', script]);
  await furnishNic(lab);
}

/** What other people have on the NIC, and what the node has on it. */
async function furnishNic(lab: Lab): Promise<void> {
  const script = `
    ip link property add dev ${NIC} altname mva-uplink altname enx525400000001
    ip -6 addr add fd09::1/64 dev ${NIC} nodad
    ip link add ${FOREIGN_SHIM} link ${NIC} address 02:dd:00:00:00:01 type macvlan mode bridge
    ip addr add 10.9.0.44/32 dev ${FOREIGN_SHIM}
    ip link set ${FOREIGN_SHIM} up
    ip route add 10.9.0.77/32 dev ${FOREIGN_SHIM}
    ip route add 10.9.0.78/32 dev ${NIC} metric 7
    ip neigh add 10.9.0.78 lladdr 02:cc:00:00:00:08 nud permanent dev ${NIC}`;
  await lab.enter(['ip', 'netns', 'exec', 'node', 'sh', '-ec', script]);
}

async function replaceNic(lab: Lab): Promise<void> {
  await lab.ip('router', 'link del sw0');
  const script = `
    ip -n router link add sw0 type veth peer name ${NIC} address ${NIC_MAC} netns node
    ip -n router addr add ${ROUTER_IP}/24 dev sw0
    ip -n router link set sw0 up
    ip addr add ${NODE_IP}/24 dev ${NIC}
    ip link set ${NIC} up
    ip route add default via ${ROUTER_IP}
    ip route replace 203.0.113.0/24 via ${ROUTER_IP}`;
  await lab.enter(['ip', 'netns', 'exec', 'node', 'sh', '-ec', script]);
  await furnishNic(lab);
}

/** Each part of the recipe, one after another. */
async function mangle(lab: Lab): Promise<void> {
  const script = `
    shim=$(ip -o link show type macvlan | grep -o 'mvs-[a-z2-7]\\{11\\}' | head -n 1)
    echo 0 > /proc/sys/net/ipv4/conf/$shim/arp_filter
    ip neigh replace 10.9.0.2 lladdr 02:ff:00:00:00:02 nud permanent dev $shim
    ip neigh del 10.9.0.3 dev $shim
    ip route del 10.9.0.3 dev $shim
    ip route add 10.9.0.66/32 dev $shim
    ip addr add 10.9.0.67/32 dev $shim
    ip link set $shim mtu 1400
    tc qdisc del dev $shim clsact || true
    ip link set $shim address 02:5f:ff:ff:ff:ff || true`;
  await lab.enter(['ip', 'netns', 'exec', 'node', 'sh', '-ec', script]);
}

/** Two pods with a link each, as CNI left them and remembers them, and with something of their own. */
async function plugPods(lab: Lab): Promise<void> {
  for (const [i, name] of ['web', 'db'].entries()) {
    const [ip, mac] = [`10.9.0.${i + 2}`, `02:aa:00:00:00:0${i + 2}`];
    await lab.addNamespace(name);
    await plugPod(lab, name, { parent: 'mva-lan', ip, mac });
    // As if it had been made again before: it looks the same afterwards.
    await lab.exec(name, ['ip', 'link', 'set', 'net1', 'alias', REPAIR_NOTE]);
    await lab.ip(name, `addr del ${ip}/24 dev net1`);
    await lab.ip(name, `addr add ${ip}/24 broadcast + dev net1`);
    await lab.ip(name, 'link add own0 type bridge');
    await lab.ip(name, 'addr add 172.21.0.1/24 dev own0');
    await lab.ip(name, 'link set own0 up');
    const config = Buffer.from(JSON.stringify({ type: 'macvlan', master: 'mva-lan' })).toString('base64');
    const netns = `/run/netns/${name}`;
    const cniArgs = Object.entries({ K8S_POD_NAMESPACE: 'home', K8S_POD_NAME: name, K8S_POD_UID: `uid-${name}` });
    const result = {
      interfaces: [{ name: 'net1', mac, sandbox: netns }],
      ips: [{ address: `${ip}/24`, interface: 0 }],
    };
    const file = { kind: 'cniCacheV1', config, cniArgs, ifName: 'net1', netns, networkName: 'lan', result };
    const write = 'mkdir -p /run/var-lib/cni/results && printf %s "$1" > "/run/var-lib/cni/results/lan-$2-net1"';
    await lab.enter(['sh', '-c', write, 'sh', JSON.stringify(file), name]);
  }
}
