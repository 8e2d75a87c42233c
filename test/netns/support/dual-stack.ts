// A LAN with IPv6 next to IPv4, and what of IPv6 a shim has.
import type { Pod } from '../../../src/api/kube.ts';
import { ANNOTATION_NETWORK_STATUS } from '../../../src/api/multus.ts';
import { until } from '../../support/until.ts';
import { LabAgent, podOn, ROUTED } from './agent.ts';
import type { Lab } from './lab.ts';
import { NIC, plugPod, startLan } from './lan.ts';

export const NODE_IP6 = 'fd00::1';
export const ROUTER_IP6 = 'fd00::fe';
export const POD = { ip: '10.9.0.2', mac: '02:aa:00:00:00:02' };
export const POD_IP6 = 'fd00::2';

/** Gives node and router an IPv6 address each. */
export async function addIPv6(lab: Lab): Promise<void> {
  await lab.ip('node', `-6 addr add ${NODE_IP6}/64 dev ${NIC} nodad`);
  await lab.ip('router', `-6 addr add ${ROUTER_IP6}/64 dev sw0 nodad`);
}

/** The pod of the scene, with these addresses in its network-status. */
export function podWith(ips: readonly string[]): Pod {
  const pod = podOn('web', POD);
  const entry = { name: 'home/lan', interface: 'net1', mac: POD.mac, ips, dns: {} };
  const annotations = { [ANNOTATION_NETWORK_STATUS]: JSON.stringify([entry]) };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

/** The usual scene with both families, and an agent on the node that has the NIC and its shim ready. */
export async function startDualStack(namespaces: readonly string[]): Promise<{ lab: Lab; agent: LabAgent }> {
  const lab = await startLan(namespaces);
  await addIPv6(lab);
  const agent = LabAgent.start(lab, 'node');
  agent.putAttachment(ROUTED);
  await agent.hasEntry('lan', 'Ready');
  return { lab, agent };
}

/** Plugs the pod of the scene in; resolves with the shim once it leads to the pod in both families. */
export async function plugDualPod(lab: Lab, agent: LabAgent): Promise<{ readonly name: string; readonly mac: string }> {
  await plugPod(lab, 'pod', { parent: 'mva-lan', ...POD });
  await lab.ip('pod', `-6 addr add ${POD_IP6}/64 dev net1 nodad`);
  agent.putPod(podWith([POD.ip, POD_IP6]));
  const [shim = { name: '', mac: '' }] = agent.status.shims ?? [];
  await until('the shim answers', async () => (await ipv6PartsOf(lab, shim.name)).forwarding === '1');
  return shim;
}

export async function setting(lab: Lab, link: string, name: string): Promise<string> {
  return (await lab.exec('node', ['cat', `/proc/sys/net/ipv6/conf/${link}/${name}`])).trim();
}

/** What of IPv6 is on a shim, in the words of ip(8). */
export interface IPv6Parts {
  readonly acceptRa: string;
  readonly proxyNdp: string;
  readonly forwarding: string;
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
  readonly neighbours: readonly string[];
  readonly proxies: readonly string[];
  /** Filters on what leaves it. */
  readonly filters: number;
}

export const WHOLE: IPv6Parts = {
  acceptRa: '0',
  proxyNdp: '1',
  forwarding: '1',
  addresses: [],
  routes: [`${POD_IP6} ${NODE_IP6}`],
  neighbours: [`${POD_IP6} ${POD.mac}`],
  proxies: [NODE_IP6],
  filters: 1,
};

export const NOTHING: IPv6Parts = {
  acceptRa: '0',
  proxyNdp: '0',
  forwarding: '0',
  addresses: [],
  routes: [],
  neighbours: [],
  proxies: [],
  filters: 0,
};

export async function ipv6PartsOf(lab: Lab, shim: string): Promise<IPv6Parts> {
  const [addresses, routes, neighbours, proxies] = await Promise.all([
    lab.show<{ addr_info: { local: string }[] }>('node', `-6 addr show dev ${shim}`),
    lab.show<{ dst: string; prefsrc?: string }>('node', `-6 route show dev ${shim}`),
    lab.show<{ dst: string; lladdr: string }>('node', `-6 neigh show dev ${shim} nud permanent`),
    lab.show<{ dst: string }>('node', `-6 neigh show proxy dev ${shim}`),
  ]);
  return {
    acceptRa: await setting(lab, shim, 'accept_ra'),
    proxyNdp: await setting(lab, shim, 'proxy_ndp'),
    forwarding: await setting(lab, shim, 'forwarding'),
    addresses: addresses.flatMap((link) => link.addr_info.map(({ local }) => local)),
    // The kernel gives every link that is up its multicast route.
    routes: routes
      .filter(({ dst }) => !dst.startsWith('ff00'))
      .map(({ dst, prefsrc }) => `${dst} ${prefsrc}`)
      .sort(),
    neighbours: neighbours.map(({ dst, lladdr }) => `${dst} ${lladdr}`).sort(),
    filters:
      (await lab.exec('node', ['tc', 'filter', 'show', 'dev', shim, 'egress'])).match(/direct-action/g)?.length ?? 0,
    proxies: proxies.map(({ dst }) => dst).sort(),
  };
}
