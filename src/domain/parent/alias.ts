// The alias on the verified NIC is the gate for pods: this says which altnames to add and which to take away, and where.
import { ALIAS_PREFIX } from '../../api/names.ts';
import type { Change } from '../net/change.ts';
import type { Link } from '../net/network.ts';

/** Which NIC (by index) is to carry which alias. An alias that is not in here is to be on no NIC at all. */
export type WantedAliases = ReadonlyMap<string, number>;

/**
 * The changes after which each alias is on its NIC and on no other. Removals come first, since an alias can be on one NIC
 * at a time only. Nothing is touched but altnames with our prefix.
 */
export function diffAliases(wanted: WantedAliases, links: readonly Link[]): readonly Change[] {
  const removals: Change[] = [];
  const additions: Change[] = [];
  for (const { ifindex, altNames } of links) {
    for (const name of altNames) {
      if (isAlias(name) && wanted.get(name) !== ifindex) removals.push({ type: 'RemoveAltName', ifindex, name });
    }
  }
  for (const [name, ifindex] of [...wanted].sort()) {
    const link = links.find((candidate) => candidate.ifindex === ifindex);
    if (link !== undefined && !link.altNames.includes(name)) additions.push({ type: 'AddAltName', ifindex, name });
  }
  return [...removals, ...additions];
}

function isAlias(name: string): boolean {
  return name.startsWith(ALIAS_PREFIX);
}
