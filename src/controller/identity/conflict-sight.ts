// What this process knows of addresses that are in two places: the facts about one address, and the conflicts that were found.
import type { IdentityReference } from '../../api/v1alpha1/claim.ts';
import { isOfEarlierBoot } from '../../domain/earlier-boot.ts';
import { boundTo } from '../../domain/identity/adopt.ts';
import {
  type AddressFacts,
  addressKey,
  type Conflict,
  judgeAddress,
  type Sighting,
  sightingsIn,
} from '../../domain/identity/conflicts.ts';
import type { Stores } from '../stores.ts';
import { isOneLan } from './one-lan.ts';

type ConflictStores = Pick<Stores, 'nodes' | 'nodeStates' | 'claims' | 'identities' | 'pods'>;

/** Everything that the stores say about an address; what agents say of pods has not been asked of the pods. */
export function gatherAddress(stores: ConflictStores, address: string): AddressFacts {
  return {
    address,
    sightings: stores.nodeStates
      .by('address', address)
      .filter((state) => !isOfEarlierBoot(state, stores.nodes.get(state.metadata.name)))
      .flatMap((state) => sightingsIn(state, address)),
    claims: stores.claims.by('address', address),
    isEntitled: (sighting, owner) => isEntitled(stores, sighting, owner),
    isOneLan: (attachment, other) => isOneLan(stores, attachment, other),
  };
}

function isEntitled(
  { identities, pods }: ConflictStores,
  { namespace, name, uid }: Sighting,
  owner: IdentityReference,
) {
  const holder = identities.get(keyOf(owner))?.status?.holder;
  if (holder !== undefined) return holder.uid === uid;
  // Bound, and the identity is about to be told so.
  const pod = owner.namespace === namespace ? pods.get(`${namespace}/${name}`) : undefined;
  return pod?.metadata.uid === uid && boundTo(pod) === owner.name;
}

/** The conflicts that were found, by address, identity and attachment. */
export class Conflicts {
  readonly #stores: ConflictStores;
  /** Of every address that looks like a conflict: whether it is one. */
  readonly #verdicts = new Map<string, Conflict | 'None'>();
  readonly #byIdentity = new Map<string, Map<string, Conflict>>();
  readonly #byAttachment = new Map<string, Map<string, Conflict>>();

  constructor(stores: ConflictStores) {
    this.#stores = stores;
  }

  list(): readonly Conflict[] {
    return [...this.#verdicts.values()].filter((verdict) => verdict !== 'None');
  }

  of(address: string): Conflict | undefined {
    const verdict = this.#verdicts.get(address);
    return verdict === 'None' ? undefined : verdict;
  }

  onAttachment(name: string): readonly Conflict[] {
    return [...(this.#byAttachment.get(name)?.values() ?? [])];
  }

  /** Nothing while one of its addresses looks like a conflict and has not been looked into. */
  ofIdentity(identity: IdentityReference): readonly Conflict[] | undefined {
    const found = this.#byIdentity.get(keyOf(identity));
    if (found !== undefined) return [...found.values()].toSorted((a, b) => (a.address < b.address ? -1 : 1));
    return this.addressesOf(identity).some((address) => !this.#verdicts.has(address) && this.isSuspect(address))
      ? undefined
      : [];
  }

  /** Addresses that belong to an identity. */
  addressesOf(identity: IdentityReference): readonly string[] {
    const claims = this.#stores.claims.by('identity', keyOf(identity));
    return claims.map(({ spec }) => addressKey(spec.address)).filter((address) => address !== undefined);
  }

  /** Whether there is anything to look into, or to take back. */
  isOfInterest(address: string): boolean {
    return this.#verdicts.has(address) || this.isSuspect(address);
  }

  isSuspect(address: string): boolean {
    // Asked for each claim at a start, when most links have not been told of.
    if (this.#stores.nodeStates.by('address', address).length === 0) return false;
    return judgeAddress(gatherAddress(this.#stores, address)) !== undefined;
  }

  /** @param verdict nothing: it does not even look like one */
  set(address: string, verdict: Conflict | 'None' | undefined): void {
    const before = this.of(address);
    if (before !== undefined) this.#each(before, (map, key) => remove(map, key, address));
    if (verdict === undefined) this.#verdicts.delete(address);
    else this.#verdicts.set(address, verdict);
    if (verdict !== undefined && verdict !== 'None') this.#each(verdict, (map, key) => add(map, key, verdict));
  }

  #each({ owners, attachments }: Conflict, act: (map: ByKey, key: string) => void): void {
    for (const owner of owners) act(this.#byIdentity, keyOf(owner));
    for (const attachment of attachments) act(this.#byAttachment, attachment);
  }
}

type ByKey = Map<string, Map<string, Conflict>>;

function add(map: ByKey, key: string, conflict: Conflict): void {
  const found = map.get(key);
  if (found === undefined) map.set(key, new Map([[conflict.address, conflict]]));
  else found.set(conflict.address, conflict);
}

function remove(map: ByKey, key: string, address: string): void {
  const found = map.get(key);
  found?.delete(address);
  if (found?.size === 0) map.delete(key);
}

function keyOf({ namespace, name }: IdentityReference): string {
  return `${namespace}/${name}`;
}
