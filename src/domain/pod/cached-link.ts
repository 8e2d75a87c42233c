// What a node's CNI result cache tells of a pod's link: what network-status lacks (namespace, prefixes, routes, settings).
import { aliasFor } from '../attachment/alias.ts';
import { formatAddress, parseLinkAddress } from '../net/address-text.ts';
import { parseMac } from '../net/mac.ts';
import { type Fields, fieldsOf, listOf, textOf } from '../objects/untyped.ts';
import { type LinkSettings, parseSettings } from './link-settings.ts';

/** A link as the plugins made it, by the file that libcni keeps of each ADD. */
export interface CachedLink {
  /** The pod. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** The pod's sandbox, as the runtime names it, where the file tells. */
  readonly container?: string;
  /** The network's name, which is the attachment's. */
  readonly attachment: string;
  readonly interface: string;
  /** Path of the pod's network namespace on the node. */
  readonly netns: string;
  readonly mac: string;
  readonly addresses: readonly CachedAddress[];
  readonly routes: readonly CachedRoute[];
  readonly settings: LinkSettings;
}

export interface CachedAddress {
  /** Without prefix length. */
  readonly address: string;
  readonly prefixLength: number;
}

export interface CachedRoute extends CachedDestination {
  /** The router; nothing for a destination that is on the link itself. */
  readonly gateway?: string;
  readonly metric?: number;
  readonly table?: number;
  readonly scope?: number;
  /** In bytes. */
  readonly mtu?: number;
  readonly advertisedMss?: number;
}

interface CachedDestination {
  /** In full, also for a default route. */
  readonly destination: string;
  readonly prefixLength: number;
}

/** The name under which libcni finds a link again: one file per network, container and interface. */
export function keyOfLink(link: { readonly uid: string; readonly interface: string }): string {
  return `${link.uid}/${link.interface}`;
}

/**
 * Whether somebody else's NAD of the attachment's name made the link: ours name the alias as their master. Such a link is none
 * of our business.
 */
export function isForeignLink({ attachment, settings }: Pick<CachedLink, 'attachment' | 'settings'>): boolean {
  return settings.master !== aliasFor(attachment);
}

/**
 * The link that a cache file tells of. Nothing when it is no macvlan link of a pod, or makes no sense: several programs and
 * versions write such files, and one that cannot be read is as good as missing.
 * @param decode from base64 to text; may throw
 */
export function parseCachedLink(text: string, decode: (base64: string) => string): CachedLink | undefined {
  try {
    return linkFrom(fieldsOf(JSON.parse(text)), decode);
  } catch {
    return undefined;
  }
}

function linkFrom(file: Fields, decode: (base64: string) => string): CachedLink | undefined {
  const settings = parseSettings(JSON.parse(decode(textOf(file['config']))));
  const names = argumentsOf(file['cniArgs']);
  const link = textOf(file['ifName']);
  const result = fieldsOf(file['result']);
  const interfaces = listOf(result['interfaces']);
  const index = interfaces.findIndex((item) => item['name'] === link && textOf(item['sandbox']) !== '');
  const found = {
    namespace: names.get('K8S_POD_NAMESPACE') ?? '',
    name: names.get('K8S_POD_NAME') ?? '',
    uid: names.get('K8S_POD_UID') ?? '',
    attachment: textOf(file['networkName']),
    interface: link,
    netns: textOf(file['netns']),
  };
  if (settings === undefined || Object.values(found).includes('')) return undefined;
  const ips = listOf(result['ips']).filter((ip) => (ip['interface'] ?? index) === index);
  const container = textOf(file['containerId']);
  return {
    ...found,
    ...(container === '' ? {} : { container }),
    mac: parseMac(textOf(interfaces[index]?.['mac'])) ?? '',
    addresses: ips.flatMap((ip) => addressFrom(textOf(ip['address']))),
    routes: listOf(result['routes']).flatMap((route) => routeFrom(route, ips)),
    settings,
  };
}

/** What an IPAM plugin's own result says: addresses, and the routes that go with them. */
export function parseAssignment(result: Fields): Pick<CachedLink, 'addresses' | 'routes'> {
  const ips = listOf(result['ips']);
  return {
    addresses: ips.flatMap((ip) => addressFrom(textOf(ip['address']))),
    routes: listOf(result['routes']).flatMap((route) => routeFrom(route, ips)),
  };
}

/** Pairs as libcni keeps them; Multus adds some twice, and the last one counts. */
function argumentsOf(value: unknown): ReadonlyMap<string, string> {
  const pairs = Array.isArray(value) ? value.filter((pair) => Array.isArray(pair)) : [];
  return new Map(pairs.map((pair): [string, string] => [textOf(pair[0]), textOf(pair[1])]));
}

function addressFrom(cidr: string): readonly CachedAddress[] {
  const parsed = parseCidr(cidr);
  return parsed === undefined ? [] : [{ address: parsed.destination, prefixLength: parsed.prefixLength }];
}

/** A route without a router of its own goes by the router of the first address of its family, as in the plugins. */
function routeFrom(route: Fields, ips: readonly Fields[]): readonly CachedRoute[] {
  const destination = parseCidr(textOf(route['dst']));
  if (destination === undefined) return [];
  const isIPv6 = destination.destination.includes(':');
  const routers = ips.map((ip) => routerIn(ip['gateway'])).filter((router) => router?.includes(':') === isIPv6);
  const gateway = routerIn(route['gw']) ?? routers[0];
  return [
    {
      ...destination,
      ...(gateway === undefined ? {} : { gateway }),
      ...numberAs('metric', route['priority']),
      ...numberAs('table', route['table']),
      ...numberAs('scope', route['scope']),
      ...numberAs('mtu', route['mtu']),
      ...numberAs('advertisedMss', route['advmss']),
    },
  ];
}

function parseCidr(text: string): CachedDestination | undefined {
  const parsed = parseLinkAddress(text);
  if (parsed?.prefix === undefined) return undefined;
  return { destination: formatAddress(parsed.address), prefixLength: parsed.prefix };
}

/** The text of a router's address, or nothing where there is none. */
function routerIn(value: unknown): string | undefined {
  const parsed = parseLinkAddress(textOf(value));
  return parsed === undefined ? undefined : formatAddress(parsed.address);
}

function numberAs<K extends string>(key: K, value: unknown): { readonly [P in K]?: number } {
  const isGiven = typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
  return isGiven ? ({ [key]: value } as { readonly [P in K]?: number }) : {};
}
