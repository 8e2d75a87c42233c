// The facts by which a rule may single out a NIC: one entry per field of the API, each with its test and its words.
import { ALIAS_PREFIX } from '../../api/names.ts';
import type { ParentMatch } from '../../api/v1alpha1/attachment.ts';
import { holds, parseAddress, parseSubnet } from '../net/address-range.ts';
import { parseMac } from '../net/mac.ts';
import type { Family, Link, Network } from '../net/network.ts';

/** One wish of a rule. */
export interface Fact {
  readonly key: keyof ParentMatch;
  /** In the one spelling that is compared. */
  readonly wanted: string;
  /** Completes the sentence "no NIC has …". */
  readonly inWords: string;
  readonly holds: (link: Link, network: Network) => boolean;
}

type Kind = Readonly<{
  normal?: (wanted: string) => string;
  words: (wanted: string) => string;
  holds: (wanted: string, link: Link, network: Network) => boolean;
}>;

/** Every field of the API has to be in here: one that was forgotten would be taken as true of every NIC. */
const kinds: { readonly [K in keyof Required<ParentMatch>]: Kind } = {
  name: { words: (name) => `the name ${name}`, holds: (name, link) => link.name === name },
  namePattern: {
    words: (pattern) => `a name like ${pattern}`,
    holds: (pattern, link) => matchesPattern(pattern, link.name),
  },
  altName: {
    words: (name) => `the alternative name ${name}`,
    holds: (name, link) => userAltNames(link).includes(name),
  },
  mac: {
    normal: (mac) => parseMac(mac) ?? mac,
    words: (mac) => `the MAC address ${mac}`,
    holds: (mac, link) => identityMac(link) === mac,
  },
  pciAddress: {
    normal: (address) => address.toLowerCase(),
    words: (address) => `the PCI address ${address}`,
    holds: (address, link) => link.pciAddress === address,
  },
  driver: {
    words: (driver) => `the driver ${driver}`,
    holds: (driver, link) => driverOf(link) === driver,
  },
  subnet: { words: (subnet) => `an address in ${subnet}`, holds: hasAddressIn },
  defaultRoute: {
    words: (family) => `the ${family} default route`,
    holds: (family, link, network) =>
      (family === 'IPv4' || family === 'IPv6') && defaultRouteLinks(family, network).includes(link.ifindex),
  },
};

/** The wishes of a rule, always in the same order. */
export function factsOf(match: ParentMatch): readonly Fact[] {
  return (Object.keys(kinds) as (keyof ParentMatch)[]).flatMap((key) => {
    const given = match[key];
    if (given === undefined) return [];
    const kind = kinds[key];
    const wanted = kind.normal?.(given) ?? given;
    return [
      { key, wanted, inWords: kind.words(wanted), holds: (link, network) => kind.holds(wanted, link, network) } as Fact,
    ];
  });
}

/** The permanent address where the hardware has one: a bond or a VLAN may change or share the current one. */
export function identityMac(link: Link): string {
  return link.permanentMac ?? link.mac;
}

/** The links through which the preferred default route (lowest metric) of the family leaves. */
export function defaultRouteLinks(family: Family, network: Network): readonly number[] {
  const routes = network.routes.filter(
    (r) => r.family === family && r.prefixLength === 0 && r.isUnicast && r.links.length > 0,
  );
  const best = Math.min(...routes.map((route) => route.metric));
  return [...new Set(routes.filter((route) => route.metric === best).flatMap((route) => route.links))];
}

/** The driver of hardware, the kind of a virtual device. */
export function driverOf(link: Link): string | undefined {
  return link.driver ?? link.kind;
}

/** The alternative names that somebody else gave: ours say nothing about which NIC it is. */
export function userAltNames(link: Link): readonly string[] {
  return link.altNames.filter((name) => !name.startsWith(ALIAS_PREFIX));
}

function hasAddressIn(subnet: string, link: Link, network: Network): boolean {
  const range = parseSubnet(subnet);
  if (range === undefined) return false;
  return network.addresses.some((own) => {
    const address = own.ifindex === link.ifindex ? parseAddress(own.address) : undefined;
    return address !== undefined && holds(range, address);
  });
}

/**
 * `*` stands for any characters, `?` for exactly one, everything else for itself; the whole name has to match. Stars in a row
 * are one: as many `.*` in a row would take the regular expression seconds to give up on.
 */
function matchesPattern(pattern: string, name: string): boolean {
  const source = pattern.replaceAll(/\*+/g, '*').replaceAll(/[\\^$.*+?()[\]{}|]/g, (character) => {
    if (character === '*') return '.*';
    return character === '?' ? '.' : `\\${character}`;
  });
  return new RegExp(`^${source}$`).test(name);
}
