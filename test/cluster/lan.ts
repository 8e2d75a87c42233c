// The LAN of a test cluster: a switch (bridge) with a router address and a DHCP server, a client, and the nodes' NICs on it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { insideCgroup } from './cgroups.ts';
import type { Instance } from './instance.ts';
import { createSpace, harnessCgroup, inside, ipBatch, type Space } from './namespaces.ts';
import type { Processes } from './processes.ts';
import { DHCP_RANGE, LAN_BRIDGE, LAN_CLIENT, LAN_ROUTER, type NodeFacts } from './topology.ts';

/** Name of the client's NIC. */
export const CLIENT_INTERFACE = 'eth0';

/** Fixed, or the bridge would take the lowest of its ports' and change it when a NIC is plugged in. */
const ROUTER_MAC = '52:54:00:4d:00:01';

/** One lease of the DHCP server. */
export interface Lease {
  readonly mac: string;
  readonly address: string;
  readonly hostName: string;
  readonly clientId: string;
}

export async function startLan(instance: Instance, processes: Processes): Promise<{ lan: Space; client: Space }> {
  const [lan, client] = await Promise.all([
    createSpace(instance, processes, 'lan'),
    createSpace(instance, processes, 'client'),
  ]);
  await ipBatch(lan, [
    'link set lo up',
    `link add ${LAN_BRIDGE} address ${ROUTER_MAC} type bridge`,
    `address add ${LAN_ROUTER}/24 dev ${LAN_BRIDGE}`,
    `link set ${LAN_BRIDGE} up`,
    `link add client type veth peer name ${CLIENT_INTERFACE} netns ${client.pid}`,
    `link set client master ${LAN_BRIDGE} up`,
  ]);
  await ipBatch(client, [
    'link set lo up',
    `address add ${LAN_CLIENT}/24 dev ${CLIENT_INTERFACE}`,
    `link set ${CLIENT_INTERFACE} up`,
    `route add default via ${LAN_ROUTER}`,
  ]);
  startDhcpServer(instance, processes, lan);
  return { lan, client };
}

function startDhcpServer(instance: Instance, processes: Processes, lan: Space): void {
  mkdirSync(reservationsOf(instance), { recursive: true });
  const argv = [
    'dnsmasq',
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--user=root',
    '--pid-file=',
    '--port=0', // no DNS
    `--interface=${LAN_BRIDGE}`,
    '--bind-interfaces',
    `--dhcp-range=${DHCP_RANGE.join(',')},255.255.255.0,1h`,
    '--dhcp-authoritative',
    '--no-ping', // it would wait for an echo before each offer
    `--dhcp-leasefile=${leaseFileOf(instance)}`,
    `--dhcp-hostsdir=${reservationsOf(instance)}`,
    '--log-dhcp',
    '--log-facility=-',
  ];
  processes.start('dnsmasq', insideCgroup(harnessCgroup(instance), inside(lan, argv)), { life: 'Detached' });
}

/** A folder; the DHCP server takes up each file that is written into it. */
function reservationsOf(instance: Instance): string {
  return join(instance.folder, 'dnsmasq.reservations');
}

/** Keeps an address for a MAC address from now on. */
export function reserveAt(instance: Instance, mac: string, address: string): void {
  writeFileSync(join(reservationsOf(instance), address), `${mac},${address}\n`);
}

export function leaseFileOf(instance: Instance): string {
  return join(instance.folder, 'dnsmasq.leases');
}

/** What the DHCP server has given away and not got back; empty before its first lease. */
export function leasesOf(instance: Instance): readonly Lease[] {
  let text: string;
  try {
    text = readFileSync(leaseFileOf(instance), 'utf8');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields.length >= 5)
    .map(([, mac = '', address = '', hostName = '', clientId = '']) => ({ mac, address, hostName, clientId }));
}

/** What a NIC is made with; what is left out is as at the start of the cluster. */
export interface NicOptions {
  readonly name?: string;
  readonly mac?: string;
  /** Address with prefix length, or `None`: the NIC is up and has none. */
  readonly address?: string;
  readonly mtu?: number;
}

/** Plugs a NIC into a node: made in its namespace, up, addressed, its other end (named after the node) on the switch. */
export async function plugNic(lan: Space, node: Space, facts: NodeFacts, options: NicOptions = {}): Promise<void> {
  const name = options.name ?? facts.parent;
  const mac = options.mac ?? facts.parentMac;
  const address = options.address ?? `${facts.lanAddress}/24`;
  const mtu = options.mtu ?? 1500;
  const peer = `${facts.name}`;
  await ipBatch(node, [
    `link add ${name} address ${mac} mtu ${mtu} type veth peer name ${peer} mtu ${mtu} netns ${lan.pid}`,
  ]);
  await ipBatch(lan, [`link set ${peer} master ${LAN_BRIDGE} up`]);
  await ipBatch(node, [...(address === 'None' ? [] : [`address add ${address} dev ${name}`]), `link set ${name} up`]);
}

/** Pulls the NIC out: it is gone from the node with everything on it, whatever its name is now. */
export async function unplugNic(lan: Space, facts: NodeFacts): Promise<void> {
  await ipBatch(lan, [`link delete ${facts.name}`]);
}
