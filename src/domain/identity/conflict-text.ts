// What is told about an address that is in two places: on pods and identities as an event, in conditions, and on attachments.
import { parseMac } from '../net/mac.ts';
import type { Problem } from '../problem.ts';
import { type Conflict, isOnLanToo, type Sighting } from './conflicts.ts';

/** So many pods, and so many addresses, are spelled out. */
const SPELLED_OUT = 3;

/** Where the address is, and whose it is: one sentence for each, always the same for the same conflict. */
export function describeConflict({ address, sightings, owners, attachments }: Conflict): string {
  const pods = sightings.map((sighting) => describeLink(sighting, address));
  const other = hasOther({ address, sightings }) ? [describeOthers(sightings, address)] : [];
  const users = listed([...shortened([...new Set(pods)]), ...other]);
  const names = owners.map(({ namespace, name }) => `${namespace}/${name}`);
  const belongs = names.length === 0 ? '' : ` It belongs to MacvlanIdentity ${listed(shortened(names))}.`;
  return `${address} on ${listed(attachments)} is in use by ${users}.${belongs}`;
}

/** What a person may do about it. The operator itself leaves all of them as they are. */
export function remedyFor(conflict: Pick<Conflict, 'address' | 'sightings'>): string {
  const isMac = parseMac(conflict.address) !== undefined;
  if (hasOther(conflict) && isMac)
    return 'Give the other device another MAC address, or choose another one for the pod and delete it.';
  return hasOther(conflict)
    ? 'Give the other device another address, or exclude the address from the pool and delete the pod.'
    : 'Delete the pod that should not have it, and let its template ask for an identity (macvlan.dev/identity: auto) or choose another address.';
}

/** All conflicts of an attachment as one problem. */
export function conflictProblem(conflicts: readonly Conflict[]): Problem | undefined {
  const sorted = conflicts.toSorted((a, b) => (a.address < b.address ? -1 : 1));
  const [first] = sorted;
  if (first === undefined) return undefined;
  return { reason: 'AddressConflict', message: describeAll(sorted), remedy: remedyFor(first), severity: 'Warning' };
}

/** The first few conflicts, and how many more there are. */
export function describeAll(conflicts: readonly Conflict[]): string {
  const more = conflicts.length - SPELLED_OUT;
  const texts = conflicts.slice(0, SPELLED_OUT).map(describeConflict);
  return [...texts, ...(more > 0 ? [`And ${more} more addresses.`] : [])].join(' ');
}

function hasOther({ address, sightings }: { readonly address: string; readonly sightings: readonly Sighting[] }) {
  return sightings.some((sighting) => isOnLanToo(sighting, address));
}

/** With its MAC address, where somebody has to find out who of two it is. */
function describeLink(sighting: Sighting, address: string): string {
  const { namespace, name, node, mac = '' } = sighting;
  const own = othersIn(sighting, address).length > 0 && mac !== '' && mac !== address ? ` (${mac})` : '';
  return `pod ${namespace}/${name} on node ${node}${own}`;
}

function describeOthers(sightings: readonly Sighting[], address: string): string {
  const others = [...new Set(sightings.flatMap((sighting) => othersIn(sighting, address)))].sort();
  return others.length === 0
    ? 'another device on the LAN'
    : `another device on the LAN (${shortened(others).join(', ')})`;
}

/** What is known of others with the address: their MAC addresses, or, of a MAC address, their IP addresses. */
function othersIn({ rivals = [] }: Sighting, address: string): readonly string[] {
  return rivals.flatMap((rival) => {
    if (rival.address === address) return [rival.mac];
    return rival.mac === address ? [rival.address] : [];
  });
}

function shortened(names: readonly string[]): readonly string[] {
  const more = names.length - SPELLED_OUT;
  return more > 0 ? [...names.slice(0, SPELLED_OUT), `${more} more`] : names;
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
