// The alias on the verified NIC is the gate for pods: this says which altnames to add and which to take away, and where.
import type { Change } from '../net/change.ts';
import type { Link } from '../net/network.ts';

/** Which NIC (by index) is to carry which alias. An alias that is not in here is to be on no NIC at all. */
export type WantedAliases = ReadonlyMap<string, number>;

/**
 * The changes after which each alias is on its NIC and on no other. Removals come first, since an alias can be on one NIC
 * at a time only. Nothing is touched but what is wanted and what is ours.
 * @param own aliases of attachments that there are, or of which something may be left on the node; a name with our prefix
 * alone proves nothing
 */
export function diffAliases(
  wanted: WantedAliases,
  own: ReadonlySet<string>,
  links: readonly Link[],
): readonly Change[] {
  const removals: Change[] = [];
  const additions: Change[] = [];
  for (const { ifindex, altNames } of links) {
    for (const name of altNames) {
      if ((own.has(name) || wanted.has(name)) && wanted.get(name) !== ifindex)
        removals.push({ type: 'RemoveAltName', ifindex, name });
    }
  }
  for (const [name, ifindex] of [...wanted].sort()) {
    const link = links.find((candidate) => candidate.ifindex === ifindex);
    if (link !== undefined && !link.altNames.includes(name)) additions.push({ type: 'AddAltName', ifindex, name });
  }
  return [...removals, ...additions];
}
