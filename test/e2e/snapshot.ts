// What the operator could leave behind on a node or in the API, written down so that "nothing left" is a comparison.
import type { NodeHandle } from '../cluster/cluster.ts';
import type { World } from './world.ts';

/** One line per fact, sorted; two equal snapshots mean that nothing was added or lost. */
export type Snapshot = readonly string[];

/**
 * Links with altnames, addresses, routes of the node itself, permanent neighbours, node labels, NADs, node states and DaemonSets.
 * The links, routes and neighbours of the cluster's own pod network come and go with its pods and are left out.
 */
export async function takeSnapshot(world: World): Promise<Snapshot> {
  const parts = await Promise.all([
    ...world.cluster.nodes.flatMap((node) => [linkFacts(node), routeFacts(node), neighbourFacts(node)]),
    labelFacts(world),
    ...['network-attachment-definitions', 'macvlannodestates', 'daemonsets'].map((kind) => objectFacts(world, kind)),
  ]);
  return parts.flat().sort();
}

/** What is in one and not in the other: `+` for more, `-` for less; empty when nothing changed. */
export function compareSnapshots(before: Snapshot, after: Snapshot): readonly string[] {
  const had = new Set(before);
  const has = new Set(after);
  return [
    ...after.filter((fact) => !had.has(fact)).map((fact) => `+ ${fact}`),
    ...before.filter((fact) => !has.has(fact)).map((fact) => `- ${fact}`),
  ];
}

interface Link {
  readonly ifname: string;
  readonly address: string;
  readonly mtu: number;
  readonly altnames?: readonly string[];
  readonly addr_info?: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
}

async function linkFacts(node: NodeHandle): Promise<Snapshot> {
  const links = (await ip(node, '-d', 'address', 'show')) as Link[];
  return links
    .filter((link) => !isPodNetwork(link.ifname))
    .flatMap((link) => [
      `${node.name} link ${link.ifname} ${link.address} mtu ${link.mtu} altnames [${(link.altnames ?? []).join(',')}]`,
      ...(link.addr_info ?? [])
        .filter((address) => !address.local.startsWith('fe80:')) // the kernel's own; a NIC that was plugged in again may still be getting it
        .map((address) => `${node.name} address ${link.ifname} ${address.local}/${address.prefixlen} ${address.scope}`),
    ]);
}

async function routeFacts(node: NodeHandle): Promise<Snapshot> {
  const routes = (await ip(node, 'route', 'show', 'table', 'all')) as { dst: string; dev?: string; prefsrc?: string }[];
  return routes
    .filter((route) => !isPodNetwork(route.dev ?? ''))
    .map((route) => `${node.name} route ${route.dst} dev ${route.dev} src ${route.prefsrc}`);
}

async function neighbourFacts(node: NodeHandle): Promise<Snapshot> {
  const found = (await ip(node, 'neigh', 'show', 'nud', 'permanent')) as {
    dst: string;
    lladdr?: string;
    dev: string;
  }[];
  return found
    .filter((neighbour) => !isPodNetwork(neighbour.dev))
    .map((neighbour) => `${node.name} neighbour ${neighbour.dst} ${neighbour.lladdr} ${neighbour.dev}`);
}

interface List {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  }[];
}

async function labelFacts(world: World): Promise<Snapshot> {
  const nodes = await objects(world, 'nodes');
  return nodes.items.flatMap(({ metadata: { name, labels } }) =>
    Object.entries(labels ?? {}).map(([key, value]) => `label ${name} ${key}=${value}`),
  );
}

async function objectFacts(world: World, kind: string): Promise<Snapshot> {
  const found = await objects(world, kind);
  return found.items.map((item) => `${kind} ${item.metadata.namespace ?? ''}/${item.metadata.name}`);
}

/** A kind that the API server does not know has no objects. */
async function objects(world: World, kind: string): Promise<List> {
  const found = await world.cluster.kubectl(['get', kind, '-A', '-o', 'json']);
  return found.code === 0 ? (JSON.parse(found.stdout) as List) : { items: [] };
}

async function ip(node: NodeHandle, ...argv: readonly string[]): Promise<unknown> {
  const said = await node.exec(['ip', '-j', ...argv]);
  if (said.code !== 0) throw new Error(`${node.name}: ip ${argv.join(' ')}: ${said.stderr}`);
  return JSON.parse(said.stdout.trim() || '[]');
}

function isPodNetwork(link: string): boolean {
  return link === 'cni0' || /^veth/.test(link);
}
