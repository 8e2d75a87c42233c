// What the operator could leave behind on a node or in the API, written down so that "nothing left" is a comparison.
import type { World } from './world.ts';

/** One line per fact, sorted; two equal snapshots mean that nothing was added or lost. */
export type Snapshot = readonly string[];

/**
 * Links with altnames, addresses, routes of the node itself, permanent neighbours, sysctls of links, node labels and NADs. The
 * links, routes and neighbours of the cluster's own pod network come and go with its pods and are left out.
 */
export async function takeSnapshot(world: World): Promise<Snapshot> {
  const facts: string[] = [];
  for (const node of world.cluster.nodes) {
    const ip = async (...argv: string[]) => (await node.exec(['ip', '-j', ...argv])).stdout.trim() || '[]';
    for (const link of JSON.parse(await ip('-d', 'address', 'show')) as Link[]) {
      if (isPodNetwork(link.ifname)) continue;
      const altnames = (link.altnames ?? []).join(',');
      facts.push(`${node.name} link ${link.ifname} ${link.address} mtu ${link.mtu} altnames [${altnames}]`);
      for (const address of link.addr_info ?? []) {
        facts.push(`${node.name} address ${link.ifname} ${address.local}/${address.prefixlen} ${address.scope}`);
      }
    }
    for (const route of JSON.parse(await ip('route', 'show', 'table', 'all')) as Route[]) {
      if (!isPodNetwork(route.dev ?? '')) facts.push(`${node.name} route ${route.dst} dev ${route.dev} src ${route.prefsrc}`);
    }
    for (const neighbour of JSON.parse(await ip('neigh', 'show', 'nud', 'permanent')) as Neighbour[]) {
      if (!isPodNetwork(neighbour.dev)) facts.push(`${node.name} neighbour ${neighbour.dst} ${neighbour.lladdr} ${neighbour.dev}`);
    }
  }
  const labels = JSON.parse((await world.cluster.kubectl(['get', 'nodes', '-o', 'json'])).stdout) as List;
  for (const node of labels.items) {
    for (const [key, value] of Object.entries(node.metadata.labels ?? {})) facts.push(`label ${node.metadata.name} ${key}=${value}`);
  }
  for (const kind of ['network-attachment-definitions', 'macvlannodestates', 'daemonsets']) {
    const found = await world.cluster.kubectl(['get', kind, '-A', '-o', 'json', '--ignore-not-found']);
    if (found.code !== 0 || found.stdout === '') continue;
    for (const item of (JSON.parse(found.stdout) as List).items) {
      facts.push(`${kind} ${item.metadata.namespace ?? ''}/${item.metadata.name}`);
    }
  }
  return facts.sort();
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

function isPodNetwork(link: string): boolean {
  return link === 'cni0' || /^veth/.test(link);
}

interface Link {
  readonly ifname: string;
  readonly address: string;
  readonly mtu: number;
  readonly altnames?: readonly string[];
  readonly addr_info?: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
}
interface Route {
  readonly dst: string;
  readonly dev?: string;
  readonly prefsrc?: string;
}
interface Neighbour {
  readonly dst: string;
  readonly lladdr?: string;
  readonly dev: string;
}
interface List {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  }[];
}
