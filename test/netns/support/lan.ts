// The usual scene: a node with one NIC on a LAN, a router on the other end, and pods on macvlan links of that NIC.
import { until } from '../../support/until.ts';
import { Lab } from './lab.ts';

export const NIC = 'enp3s0';
export const NIC_MAC = '52:54:00:00:00:01';
export const NODE_IP = '10.9.0.1';
export const ROUTER_IP = '10.9.0.254';

/** Namespaces `node` and `router`, joined by a cable: the node's end is NIC, the router's end is `sw0`. */
export async function startLan(namespaces: readonly string[] = []): Promise<Lab> {
  const lab = await Lab.start(['node', 'router', ...namespaces]);
  // No search for duplicate IPv6 addresses: a photograph would otherwise show how far it has come.
  for (const which of ['all', 'default']) {
    await lab.exec('node', ['sh', '-c', `echo 0 > /proc/sys/net/ipv6/conf/${which}/accept_dad`]);
  }
  await lab.ip('router', `link add sw0 type veth peer name ${NIC} netns node`);
  await lab.ip('router', `addr add ${ROUTER_IP}/24 dev sw0`);
  await lab.ip('router', 'link set sw0 up');
  await lab.ip('node', `link set ${NIC} address ${NIC_MAC}`);
  await lab.ip('node', `addr add ${NODE_IP}/24 dev ${NIC}`);
  await lab.ip('node', `link set ${NIC} up`);
  await lab.ip('node', `route add default via ${ROUTER_IP}`);
  await until('the cable is live', async () => (await lab.ip('node', `addr show dev ${NIC}`)).includes('fe80::'));
  return lab;
}

/** A link such as the macvlan plugin makes: on `parent` (any of its names), in the pod's namespace, with an address. */
export async function plugPod(lab: Lab, pod: string, init: { parent: string; ip: string; mac: string }): Promise<void> {
  const kind = `address ${init.mac} type macvlan mode bridge`;
  await lab.ip('node', `link add name tmp0 link ${init.parent} netns ${pod} ${kind}`);
  await lab.ip(pod, 'link set tmp0 name net1');
  await lab.ip(pod, `addr add ${init.ip}/24 dev net1`);
  await lab.ip(pod, 'link set net1 up');
}

/** Everything that an agent could have changed in the namespace `node`, as text to compare. */
export async function photograph(lab: Lab): Promise<string> {
  const links = await lab.show<{ ifname: string; flags: string[]; mtu: number; altnames?: string[] }>('node', 'link');
  const parts = [
    links.map(({ ifname, flags, mtu, altnames = [] }) => ({ ifname, flags, mtu, altnames })),
    (await lab.ip('node', 'addr')).replaceAll(/(valid_lft|preferred_lft).*/g, ''),
    await lab.ip('node', 'route show table all'),
    await lab.ip('node', '-6 route show table all'),
    (await lab.ip('node', 'neigh show nud permanent')).trim(),
    await lab.ip('node', 'rule'),
  ];
  return JSON.stringify(parts, null, 1);
}
