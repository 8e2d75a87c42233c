// A node's network for tests: builders with defaults, and a model of the kernel that carries changes out.
import type { NetworkPort } from '../../src/agent/ports.ts';
import type { Change, Refusal } from '../../src/domain/net/change.ts';
import type { Address, Link, Neighbour, Network, Route } from '../../src/domain/net/network.ts';

/** A NIC that is up and connected; `ifindex` 2 and the name eth0 unless said otherwise. */
export function link(init: Partial<Link> = {}): Link {
  const ifindex = init.ifindex ?? 2;
  return {
    ifindex,
    name: `eth${ifindex - 2}`,
    altNames: [],
    mac: `52:54:00:00:00:${ifindex.toString(16).padStart(2, '0')}`,
    type: 'Ethernet',
    isUp: true,
    hasCarrier: true,
    isNoArp: false,
    mtu: 1500,
    isLowerElsewhere: false,
    arpFilter: false,
    addressGeneration: 'Other',
    isNdpProxy: false,
    isIPv6Forwarding: false,
    ...init,
  };
}

export function loopback(): Link {
  return link({ ifindex: 1, name: 'lo', mac: '00:00:00:00:00:00', type: 'Loopback', mtu: 65536 });
}

/** An address of a NIC, given as `10.9.0.1/24`. */
export function address(text: string, init: Partial<Address> = {}): Address {
  const [plain = '', length = '24'] = text.split('/');
  return {
    ifindex: 2,
    family: plain.includes(':') ? 'IPv6' : 'IPv4',
    address: plain,
    prefixLength: Number(length),
    isGlobal: true,
    isSecondary: false,
    isNoPrefixRoute: false,
    ...init,
  };
}

/** The default route over a NIC. */
export function defaultRoute(ifindex = 2, init: Partial<Route> = {}): Route {
  return {
    family: 'IPv4',
    destination: '',
    prefixLength: 0,
    links: [ifindex],
    hasGateway: true,
    metric: 0,
    isLinkScope: false,
    isUnicast: true,
    ...init,
  };
}

/** A host route over a link, as somebody else may have made it. */
export function hostRoute(destination: string, ifindex: number, init: Partial<Route> = {}): Route {
  const common = { ...defaultRoute(ifindex), destination, hasGateway: false };
  if (!destination.includes(':')) return { ...common, prefixLength: 32, isLinkScope: true, ...init };
  return { ...common, family: 'IPv6', prefixLength: 128, isLinkScope: false, metric: 1024, ...init };
}

/** `lo`, and eth0 with 10.9.0.1/24 and the default route, unless said otherwise. */
export function network(init: Partial<Network> = {}): Network {
  return {
    links: [loopback(), link()],
    addresses: [address('10.9.0.1/24')],
    routes: [defaultRoute()],
    neighbours: [],
    ...init,
  };
}

/** What the kernel makes of one change: the network after it, or the code of its refusal. */
export function applyChange(before: Network, change: Change): Network | string {
  switch (change.type) {
    case 'AddAltName':
      return addAltName(before, change);
    case 'RemoveAltName':
      return withLink(before, change.ifindex, (l) => ({ ...l, altNames: l.altNames.filter((n) => n !== change.name) }));
    case 'CreateMacvlan':
      return createMacvlan(before, change);
    case 'DeleteLink':
      return deleteLink(before, change.ifindex);
    case 'SetLink':
      return setLink(before, change);
    case 'AddAddress':
      return addAddress(before, change);
    case 'RemoveAddress':
      return { ...before, addresses: before.addresses.filter((a) => !isAddress(a, change)) };
    case 'AddRoute':
    case 'ReplaceRoute':
      return addRoute(before, change);
    case 'RemoveRoute':
      return {
        ...before,
        routes: before.routes.filter((r) => !(isSameRoute(r, change) && r.links.includes(change.ifindex))),
      };
    case 'SetNeighbour':
      return setNeighbour(before, change);
    case 'AddProxy':
    case 'RemoveProxy':
      return setProxy(before, change);
    case 'FilterEgress':
      return withLink(before, change.ifindex, (l) => ({ ...l, egress: change.macs }));
    case 'IgnoreRouters':
      return withLink(before, change.ifindex, (l) => ({ ...l, acceptsRouters: false }));
    case 'StartNdpProxy':
    case 'StopNdpProxy': {
      const isOn = change.type === 'StartNdpProxy';
      return withLink(before, change.ifindex, (l) => ({ ...l, isNdpProxy: isOn, isIPv6Forwarding: isOn }));
    }
    default:
      return { ...before, neighbours: before.neighbours.filter((n) => !isNeighbour(n, change)) };
  }
}

/** Removes a link as the kernel does: with its addresses, routes, neighbours, and the macvlans on top of it. */
export function deleteLink(before: Network, ifindex: number): Network | string {
  if (!before.links.some((l) => l.ifindex === ifindex)) return 'ENODEV';
  const gone = new Set([ifindex]);
  for (const l of before.links) if (l.kind === 'macvlan' && l.lower === ifindex) gone.add(l.ifindex);
  return {
    links: before.links.filter((l) => !gone.has(l.ifindex)),
    addresses: before.addresses.filter((a) => !gone.has(a.ifindex)),
    routes: before.routes.filter((r) => !r.links.some((index) => gone.has(index))),
    neighbours: before.neighbours.filter((n) => !gone.has(n.ifindex)),
  };
}

/** A network port over the model. `network` may be changed by the test at any time. */
export class FakeNetwork implements NetworkPort {
  network: Network;
  /** Every change that was carried out, oldest first. */
  readonly done: Change[] = [];

  constructor(initial: Network = network()) {
    this.network = initial;
  }

  async read(): Promise<Network> {
    return this.network;
  }

  async readLink(ifindex: number): Promise<Link | undefined> {
    return this.network.links.find((l) => l.ifindex === ifindex);
  }

  async readProxied(ifindex: number): Promise<readonly string[]> {
    return this.network.neighbours.filter((n) => n.isProxy === true && n.ifindex === ifindex).map((n) => n.address);
  }

  async apply(changes: readonly Change[]): Promise<readonly Refusal[]> {
    const refusals: Refusal[] = [];
    for (const change of changes) {
      const after = applyChange(this.network, change);
      if (typeof after === 'string') {
        refusals.push({ change, code: after, message: after });
      } else {
        this.network = after;
        this.done.push(change);
      }
    }
    return refusals;
  }

  async close(): Promise<void> {}
}

type Of<T extends Change['type']> = Extract<Change, { type: T }>;

function isNameTaken(before: Network, name: string): boolean {
  return before.links.some((l) => l.name === name || l.altNames.includes(name));
}

function withLink(before: Network, ifindex: number, update: (l: Link) => Link): Network | string {
  if (!before.links.some((l) => l.ifindex === ifindex)) return 'ENODEV';
  return { ...before, links: before.links.map((l) => (l.ifindex === ifindex ? update(l) : l)) };
}

function addAltName(before: Network, change: Of<'AddAltName'>): Network | string {
  if (isNameTaken(before, change.name)) return 'EEXIST';
  return withLink(before, change.ifindex, (l) => ({ ...l, altNames: [...l.altNames, change.name].sort() }));
}

function createMacvlan(before: Network, change: Of<'CreateMacvlan'>): Network | string {
  const parent = before.links.find((l) => l.ifindex === change.parent);
  if (parent === undefined) return 'ENODEV';
  if (isNameTaken(before, change.name)) return 'EEXIST';
  if (change.mtu > parent.mtu) return 'EINVAL';
  const ifindex = Math.max(...before.links.map((l) => l.ifindex)) + 1;
  const { name, mac, mtu } = change;
  const more = { kind: 'macvlan', macvlanMode: 'bridge', lower: change.parent, isUp: false, hasCarrier: false };
  return {
    ...before,
    links: [...before.links, link({ ifindex, name, mac, mtu, ...more, acceptsRouters: true, egress: 'Open' })],
  };
}

function setLink(before: Network, change: Of<'SetLink'>): Network | string {
  const target = before.links.find((l) => l.ifindex === change.ifindex);
  const parent = before.links.find((l) => l.ifindex === target?.lower);
  const mac = change.mac ?? target?.mac;
  const isDouble = before.links.some((l) => l !== target && l.lower === target?.lower && l.mac === mac && l.isUp);
  if (change.up && target?.isUp === false && isDouble) return 'EADDRINUSE';
  if (change.up && target?.kind === 'macvlan' && parent?.isUp === false) return 'ENETDOWN';
  if (change.mtu !== undefined && parent !== undefined && change.mtu > parent.mtu) return 'EINVAL';
  const { addressGeneration, arpFilter, mtu, note } = change;
  return withLink(before, change.ifindex, (l) => ({
    ...l,
    ...(change.mac === undefined ? {} : { mac: change.mac }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(addressGeneration === undefined ? {} : { addressGeneration }),
    ...(arpFilter === undefined ? {} : { arpFilter }),
    ...(note === undefined ? {} : { note }),
    ...(change.up === true ? { isUp: true, hasCarrier: parent?.hasCarrier ?? true } : {}),
    ...(change.up === false ? { isUp: false, hasCarrier: false } : {}),
  }));
}

function isAddress(a: Address, change: Of<'AddAddress' | 'RemoveAddress'>): boolean {
  return a.ifindex === change.ifindex && a.address === change.address && a.prefixLength === change.prefixLength;
}

function addAddress(before: Network, change: Of<'AddAddress' | 'RemoveAddress'>): Network | string {
  if (!before.links.some((l) => l.ifindex === change.ifindex)) return 'ENODEV';
  if (before.addresses.some((a) => isAddress(a, change))) return before; // told as done: somebody was faster
  const { ifindex, prefixLength } = change;
  const added = address(change.address, { ifindex, prefixLength, isNoPrefixRoute: true });
  return { ...before, addresses: [...before.addresses, added] };
}

function isSameRoute(r: Route, change: Of<'AddRoute' | 'ReplaceRoute' | 'RemoveRoute'>): boolean {
  return r.destination === change.destination && r.prefixLength === change.prefixLength && r.metric === change.metric;
}

function addRoute(before: Network, change: Of<'AddRoute' | 'ReplaceRoute' | 'RemoveRoute'>): Network | string {
  const over = before.links.find((l) => l.ifindex === change.ifindex);
  if (over === undefined) return 'ENODEV';
  if (!over.isUp) return 'ENETDOWN';
  if (change.source !== undefined && !before.addresses.some((a) => a.address === change.source)) return 'EINVAL';
  const same = before.routes.find((r) => isSameRoute(r, change));
  if (same !== undefined && change.type === 'AddRoute') return 'EEXIST';
  const { source, metric } = change;
  const added = hostRoute(change.destination, change.ifindex, { metric, ...(source === undefined ? {} : { source }) });
  return { ...before, routes: [...before.routes.filter((r) => r !== same), added] };
}

function isNeighbour(n: Neighbour, change: Of<'SetNeighbour' | 'RemoveNeighbour'>): boolean {
  return n.ifindex === change.ifindex && n.address === change.address && n.isProxy !== true;
}

function setProxy(before: Network, { type, ifindex, address: ip }: Of<'AddProxy' | 'RemoveProxy'>): Network | string {
  if (!before.links.some((l) => l.ifindex === ifindex)) return 'ENODEV';
  const others = before.neighbours.filter((n) => n.ifindex !== ifindex || n.address !== ip || n.isProxy !== true);
  const entry: Neighbour = { ifindex, family: 'IPv6', address: ip, mac: '', isPermanent: false, isProxy: true };
  return { ...before, neighbours: type === 'AddProxy' ? [...others, entry] : others };
}

function setNeighbour(before: Network, change: Of<'SetNeighbour' | 'RemoveNeighbour'>): Network | string {
  if (!before.links.some((l) => l.ifindex === change.ifindex)) return 'ENODEV';
  const { ifindex, mac } = change;
  const family = change.address.includes(':') ? 'IPv6' : 'IPv4';
  const added: Neighbour = { ifindex, family, address: change.address, mac, isPermanent: true };
  return { ...before, neighbours: [...before.neighbours.filter((n) => !isNeighbour(n, change)), added] };
}
