// What of a node is the agent's, and what is everybody else's: two photographs that together show the whole network.
import { SHIM_PREFIX } from '../../../src/api/names.ts';
import type { Lab } from './lab.ts';

type Item = Record<string, unknown>;

/** Links of other people that look like shims at first sight. */
export const FOREIGN_SHIM = 'mvs-home';
/** What changes by itself, or with the number of a link. */
const RESTLESS = new Set([
  ...['ifindex', 'link_index', 'operstate', 'promiscuity', 'allmulti', 'valid_life_time', 'preferred_life_time'],
  ...['group', 'link_netnsid', 'flags', 'used', 'probes', 'updated', 'confirmed', 'refcnt'],
]);
const RESTLESS_SETTINGS = /conntrack_count|\.stable_secret|nf_conntrack_(max|buckets)/;
const ALIAS = /^mva-lan/;

/** Everything that the agent makes, indexes left out: the same for the same wishes, however it came about. */
export async function ownThings(lab: Lab, pods: readonly string[] = []): Promise<string> {
  const links = await lab.show<Item>('node', 'link');
  const shims = links.map((link) => String(link['ifname'])).filter(isShim);
  const aliases = links.map((link) => ({
    link: link['ifname'],
    names: altNamesOf(link).filter((name) => ALIAS.test(name)),
  }));
  const each = await Promise.all(shims.map((name) => shimOf(lab, name)));
  const inPods = await Promise.all(
    pods.map((pod) => Promise.all(['link', 'addr', 'route', '-6 route'].map((what) => lab.show<Item>(pod, what)))),
  );
  const quiet = inPods.map((parts) => parts.map((items) => sorted(items.map(settled).filter((item) => isOfPod(item)))));
  return JSON.stringify([aliases.filter(({ names }) => names.length > 0), each, quiet], null, 1);
}

/** Everything else, indexes and all: not a bit of it may change. */
export async function foreignThings(lab: Lab, pods: readonly string[] = []): Promise<string> {
  const parts: unknown[] = [];
  for (const words of ['link', 'addr', 'route show table all', '-6 route show table all']) {
    const items = await lab.show<Item>('node', words);
    parts.push(items.filter((item) => !isShim(nameOf(item))).map(foreign));
  }
  for (const words of ['neigh show nud permanent', 'neigh show proxy', '-6 neigh show proxy', 'rule', '-6 rule']) {
    const items = await lab.show<Item>('node', words);
    parts.push(sorted(items.filter((item) => !isShim(nameOf(item))).map(settled)));
  }
  const settings = (await lab.exec('node', ['sh', '-c', 'sysctl -a -r ^net 2>/dev/null'])).split('\n');
  parts.push(settings.filter((line) => !RESTLESS_SETTINGS.test(line) && !isShim(line.split(/[./]/)[3] ?? '')));
  parts.push((await lab.exec('node', ['tc', 'qdisc'])).split('\n').filter((line) => !line.includes(` ${SHIM_PREFIX}`)));
  for (const pod of pods) {
    const links = await lab.show<Item>(pod, 'addr');
    parts.push(links.filter((item) => !isOfPod(item)).map(foreign), await lab.show(pod, 'rule'));
  }
  return JSON.stringify(parts, null, 1);
}

async function shimOf(lab: Lab, name: string): Promise<unknown> {
  const parts = await Promise.all(
    [
      ...[`link show dev ${name}`, `addr show dev ${name}`, `route show dev ${name}`, `-6 route show dev ${name}`],
      ...[`neigh show dev ${name} nud permanent`, `neigh show proxy dev ${name}`, `-6 neigh show proxy dev ${name}`],
    ].map((words) => lab.show<Item>('node', words)),
  );
  const folder = '/proc/sys/net/ipv';
  const files = [
    ...[`4/conf/${name}/arp_filter`, `6/conf/${name}/accept_ra`],
    ...[`6/conf/${name}/proxy_ndp`, `6/conf/${name}/forwarding`],
  ];
  const settings = await lab.exec('node', ['cat', ...files.map((file) => folder + file)]).catch(() => '');
  const filter = await lab.exec('node', ['tc', 'filter', 'show', 'dev', name, 'egress']).catch(() => '');
  return [parts.map((items) => sorted(items.map(settled))), settings, filter.replaceAll(/ (id|tag) \S+/g, '')];
}

function isShim(name: string): boolean {
  return name.startsWith(SHIM_PREFIX) && name !== FOREIGN_SHIM;
}

function nameOf(item: Item): string {
  return String(item['ifname'] ?? item['dev'] ?? '');
}

/** The link under its own name or its draft's, and what lies on it. */
function isOfPod(item: Item): boolean {
  return /^(net1|mvr-)/.test(nameOf(item));
}

function altNamesOf(item: Item): readonly string[] {
  return (item['altnames'] ?? []) as readonly string[];
}

/** Without what moves, and in one order: the kernel's lists follow its hash tables, and have a key only where there is a value. */
function settled(item: Item): Item {
  const kept = Object.entries(item).filter(([key]) => !RESTLESS.has(key) && !key.endsWith('_timer'));
  return Object.fromEntries(kept.sort().map(([key, value]) => [key, settledValue(value)]));
}

function settledValue(value: unknown): unknown {
  if (Array.isArray(value)) return sorted(value.map(settledValue));
  return isItem(value) ? settled(value) : value;
}

function sorted<T>(items: readonly T[]): readonly T[] {
  return items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function foreign(item: Item): Item {
  const names = altNamesOf(item).filter((name) => !ALIAS.test(name));
  return settled({ ...item, altnames: names, number: item['ifindex'] });
}
