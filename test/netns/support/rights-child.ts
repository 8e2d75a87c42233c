// One operation of the agent, with its own code, by a process with few rights: prints `done`, or why not. The words are those of
// docs/reference/capabilities.md.
import { NodeLock } from '../../../src/agent/lock.ts';
import { loadAddon } from '../../../src/agent/netlink/addon.ts';
import { listen } from '../../../src/agent/netlink/events.ts';
import { MacFilters } from '../../../src/agent/netlink/filters.ts';
import { Lan } from '../../../src/agent/netlink/lan.ts';
import { LinkSettings } from '../../../src/agent/netlink/link-settings.ts';
import { NetlinkNetwork } from '../../../src/agent/netlink/network.ts';
import { Sandboxes } from '../../../src/agent/pods/sandboxes.ts';
import { MacFilterProbe } from '../../../src/agent/probe/mac-filter-probe.ts';
import type { Change } from '../../../src/domain/net/change.ts';
import type { Network } from '../../../src/domain/net/network.ts';
import type { CachedLink } from '../../../src/domain/pod/cached-link.ts';
import { monotonicClock as clock } from '../../../src/kernel/process/clock.ts';
import { createLogger } from '../../../src/kernel/process/logger.ts';
import { NIC, NIC_MAC, ROUTER_IP } from './lan.ts';

const [, , addonPath = '', operation = ''] = process.argv;
const addon = loadAddon(addonPath);
const SHIM = 'mvs-test';

/** The scene has a shim and an empty pod. */
const LINK: CachedLink = {
  namespace: 'home',
  name: 'web',
  uid: 'uid-web',
  attachment: 'lan',
  interface: 'net1',
  mac: '02:aa:00:00:00:02',
  netns: '/run/netns/pod',
  addresses: [{ address: '10.9.0.2', prefixLength: 24 }],
  routes: [],
  settings: { mode: 'bridge', ipam: 'static', chained: [], fingerprint: '' },
};

async function change(changesFor: (indexes: { nic: number; shim: number }) => readonly Change[]): Promise<void> {
  const network = new NetlinkNetwork(addon);
  const facts = await network.read();
  const refusals = await network.apply(changesFor({ nic: indexOf(facts, NIC), shim: indexOf(facts, SHIM) }));
  await network.close();
  const [refusal] = refusals;
  if (refusal !== undefined) throw new Error(`${refusal.change.type}: ${refusal.code}`);
}

function indexOf(facts: Network, name: string): number {
  return facts.links.find((link) => link.name === name)?.ifindex ?? 0;
}

export const OPERATIONS: Readonly<Record<string, () => Promise<void>>> = {
  async 'read links, addresses, routes and neighbours of the node'() {
    const network = new NetlinkNetwork(addon);
    const { links, addresses, routes } = await network.read();
    await network.close();
    if (links.length < 3 || addresses.length === 0 || routes.length === 0) throw new Error('not everything');
  },
  async "listen to changes of the node's network"() {
    listen(addon, () => {})();
  },
  async 'read which MAC addresses the NICs listen for'() {
    const filters = new MacFilters(addon);
    await filters.read();
    await filters.close();
  },
  async 'hold the lock of the node'() {
    const lock = new NodeLock({ clock, logger: createLogger({ name: 'test', level: 'error' }) });
    if (!(await lock.acquire(new AbortController().signal)) || !(await lock.isHeld())) throw new Error('not held');
  },
  'give a NIC its alias, and take it off': () =>
    change(({ nic }) => [
      { type: 'AddAltName', ifindex: nic, name: 'mva-lan' },
      { type: 'RemoveAltName', ifindex: nic, name: 'mva-lan' },
    ]),
  async 'make a shim, and delete it'() {
    const made = { type: 'CreateMacvlan', name: 'mvs-new', mac: '02:5f:00:00:00:09', mtu: 1500 } as const;
    await change(({ nic }) => [{ ...made, parent: nic }]);
    await change(({ shim }) => [{ type: 'DeleteLink', ifindex: shim, name: SHIM }]);
  },
  'set a shim up: settings, MAC, MTU, address, routes, neighbours': () =>
    change(({ shim: ifindex }) => [
      { type: 'SetLink', ifindex, name: SHIM, mac: '02:5f:00:00:00:02', mtu: 1400, note: 'x', arpFilter: true },
      { type: 'SetLink', ifindex, name: SHIM, up: true },
      { type: 'AddAddress', ifindex, address: '10.9.0.1', prefixLength: 32 },
      { type: 'AddRoute', ifindex, destination: '10.9.0.2', prefixLength: 32, metric: 0 },
      { type: 'SetNeighbour', ifindex, address: '10.9.0.2', mac: '02:aa:00:00:00:02' },
    ]),
  'answer for an IPv6 address of the node on a shim': () =>
    change(({ shim: ifindex }) => [{ type: 'AddProxy', ifindex, address: 'fd09::1' }]),
  'let a shim send to its pods only': () =>
    change(({ shim: ifindex }) => [{ type: 'FilterEgress', ifindex, macs: ['02:aa:00:00:00:02'] }]),
  'write an IPv6 setting of a shim': () =>
    change(({ shim: ifindex }) => [
      { type: 'IgnoreRouters', ifindex, name: SHIM },
      { type: 'StartNdpProxy', ifindex, name: SHIM },
    ]),
  async 'ask the LAN who else has an address of a pod'() {
    const network = new NetlinkNetwork(addon);
    const parent = indexOf(await network.read(), NIC);
    await network.close();
    const lan = new Lan(addon, clock);
    const found = await lan.ask(parent, [ROUTER_IP], new AbortController().signal);
    await lan.close();
    if (!found.some(({ address, mac }) => address === ROUTER_IP && mac !== '')) throw new Error('nobody answered');
  },
  async 'look at links in pods, from outside'() {
    const sandboxes = new Sandboxes(addon, '/run/netns');
    const [live] = await sandboxes.look([LINK]);
    await sandboxes.close();
    if (live !== 'Missing') throw new Error(`it is ${JSON.stringify(live)}`);
  },
  async 'make a link again in a pod'() {
    const network = new NetlinkNetwork(addon);
    const parent = indexOf(await network.read(), NIC);
    await network.close();
    const sandboxes = new Sandboxes(addon, '/run/netns');
    const { netns, mac, addresses, routes } = LINK;
    await sandboxes.repair({ netns, name: 'net1', mac, mode: 'bridge', parent, addresses, routes });
    await sandboxes.close();
  },
  async 'let a link in a pod announce its IPv6 addresses'() {
    const { openSync } = await import('node:fs');
    addon.announceIn(openSync('/run/netns/pod', 'r'), '/proc/sys/net/ipv6/conf/lo/ndisc_notify');
  },
  async "ask the LAN's gateway under another MAC address"() {
    const network = new NetlinkNetwork(addon);
    const parent = indexOf(await network.read(), NIC);
    await network.close();
    const probe = new MacFilterProbe(addon, new LinkSettings());
    const wish = { parent, mac: NIC_MAC, name: 'mvp-test', probeMac: '02:5f:00:00:00:03', gateway: ROUTER_IP };
    const verdict = await probe.ask(wish, new AbortController().signal);
    await probe.close();
    if (verdict !== 'Open') throw new Error(verdict);
  },
};

if (process.argv[1] === import.meta.filename) {
  const result = await (OPERATIONS[operation]?.() ?? Promise.reject(new Error('no such operation'))).then(
    () => 'done',
    (error: unknown) => `refused: ${String(error)}`,
  );
  console.log(result);
  process.exit();
}
