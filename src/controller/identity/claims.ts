// Takes addresses for an identity: each is claimed before anything else uses it, and the API server decides between two.
import { CLAIM, type IdentityReference, type MacvlanClaim } from '../../api/v1alpha1/claim.ts';
import type { IdentityLink } from '../../api/v1alpha1/identity.ts';
import { addressesOf, belongsTo, type Claimed, claimFor, claimName } from '../../domain/identity/claims.ts';
import { addressKey } from '../../domain/identity/conflicts.ts';
import { deriveMac, type Hmac, type LinkKey, MAC_ATTEMPTS, poolOffset } from '../../domain/identity/mac.ts';
import { usableBeside } from '../../domain/identity/overlap.ts';
import { type Family, freeAddress, sizeOf, withPrefix } from '../../domain/identity/pool.ts';
import { isRefusal, type Refusal } from '../../domain/identity/reason.ts';
import type { Wish } from '../../domain/identity/wish.ts';
import { formatAddress } from '../../domain/net/address-text.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import { ApiError } from '../../kernel/kube/transport.ts';
import type { OwnWrites } from '../own-writes.ts';
import type { Stores } from '../stores.ts';
import { isSeen, otherUserOf } from './in-use.ts';
import { isNodeAddress } from './node-addresses.ts';
import { isOneLan, olderPoolsOf } from './one-lan.ts';

export interface ClaimOptions {
  readonly client: Pick<KubeClient, 'list' | 'create' | 'delete'>;
  readonly stores: Stores;
  readonly written: OwnWrites<MacvlanClaim>;
}

/** For whom, and how addresses are derived. */
export interface Claimant {
  readonly identity: IdentityReference;
  /** What the identity has. */
  readonly links: readonly IdentityLink[];
  /** Or why there is none; then only addresses can be had that need not be found. */
  readonly hmac: Hmac | Refusal;
}

/** Addresses that cannot be had, as numbers. */
interface Taken {
  has(value: bigint): boolean;
  add(value: bigint): void;
}

export class Claims {
  readonly #options: ClaimOptions;

  constructor(options: ClaimOptions) {
    this.#options = options;
  }

  owns(identity: IdentityReference, claimed: Claimed): boolean {
    const claim = this.#options.written.get(claimName(claimed));
    return claim !== undefined && belongsTo(claim, identity);
  }

  /** Claims everything that the link is to have, and gives it as it goes into the identity. */
  async takeLink(claimant: Claimant, wish: Wish, signal: AbortSignal): Promise<IdentityLink | Refusal> {
    const { attachment, index } = wish.link;
    const name = attachment.metadata.name;
    for (const address of [...(wish.mac === undefined ? [] : [wish.mac]), ...wish.ips]) {
      const owner = await this.#takeFree({ address, attachment: name }, claimant.identity, signal);
      if (owner !== undefined) return taken(address, owner);
    }
    const mac = wish.mac ?? (await this.#derive(claimant, wish, signal));
    if (typeof mac !== 'string') return mac;
    const ips = [...wish.ips];
    for (const family of wish.missing) {
      const ip = await this.#fromPool(claimant, wish, family, signal);
      if (isRefusal(Object(ip))) return ip as Refusal;
      ips.push(ip as string);
    }
    return { attachment: name, index, mac, ...(ips.length === 0 ? {} : { ips }) };
  }

  /** Whose the address is, on whichever attachment, when that is somebody else. */
  otherOwnerOf(identity: IdentityReference, address: string): IdentityReference | undefined {
    return this.#claimsOn(address).find((claim) => !belongsTo(claim, identity))?.spec.identity;
  }

  #claimsOn(address: string): readonly MacvlanClaim[] {
    const key = addressKey(address) ?? '';
    return this.#options.written.by('address', key, ({ spec }) => addressKey(spec.address) === key);
  }

  /** Claims again what a pod of the identity was bound to, should somebody have deleted a claim. */
  async restore(identity: IdentityReference, links: readonly IdentityLink[], signal: AbortSignal): Promise<void> {
    for (const claimed of addressesOf(links)) {
      if (this.#options.written.get(claimName(claimed)) === undefined) await this.#take(claimed, identity, signal);
    }
  }

  /** Gives up what the identity has claims for and does not use. */
  async giveUpUnused(identity: IdentityReference, links: readonly IdentityLink[], signal: AbortSignal): Promise<void> {
    const used = new Set(addressesOf(links).map(claimName));
    const key = `${identity.namespace}/${identity.name}`;
    const own = this.#options.written.by('identity', key, (claim) => belongsTo(claim, identity));
    for (const claim of own) if (!used.has(claim.metadata.name)) await this.giveUp(claim, signal);
  }

  async giveUp({ metadata: { name, uid } }: MacvlanClaim, signal: AbortSignal): Promise<void> {
    await this.#options.client.delete(CLAIM, { name }, { uid, signal });
  }

  /** The owner, or who runs with it unclaimed, when that is somebody else. */
  async #takeFree(
    claimed: Claimed,
    identity: IdentityReference,
    signal: AbortSignal,
  ): Promise<IdentityReference | undefined> {
    const user = otherUserOf(this.#options.stores, identity, claimed);
    if (user !== undefined || this.owns(identity, claimed)) return user;
    return this.#ownerBeside(identity, claimed) ?? this.#take(claimed, identity, signal);
  }

  /** Who has the IP address by way of another attachment on the same LAN. */
  #ownerBeside(identity: IdentityReference, { address, attachment }: Claimed): IdentityReference | undefined {
    const { stores } = this.#options;
    return this.#claimsOn(address)
      .filter((claim) => claim.spec.attachment !== attachment && !belongsTo(claim, identity))
      .find((claim) => isOneLan(stores, attachment, claim.spec.attachment))?.spec.identity;
  }

  /** The owner, when that is somebody else. */
  async #take(
    claimed: Claimed,
    identity: IdentityReference,
    signal: AbortSignal,
  ): Promise<IdentityReference | undefined> {
    const { client, written } = this.#options;
    const claim = claimFor(claimed, identity);
    const { name } = claim.metadata;
    const known = written.get(name);
    if (known !== undefined) return belongsTo(known, identity) ? undefined : known.spec.identity;
    try {
      await written.through(name, () => client.create(CLAIM, claim, signal));
      return undefined;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
      // By list: a grant to get single claims would be for this rare moment alone.
      const [found] = (await client.list(CLAIM, { fieldSelector: `metadata.name=${name}`, signal })).items;
      if (found === undefined) throw error; // given up in between: the next try gets it
      return belongsTo(found, identity) ? undefined : found.spec.identity;
    }
  }

  async #derive({ hmac, identity }: Claimant, { link }: Wish, signal: AbortSignal): Promise<string | Refusal> {
    const attachment = link.attachment.metadata.name;
    const prefix = link.attachment.spec.identity?.macPrefix;
    if (isRefusal(hmac)) return hmac;
    for (let attempt = 0; attempt < MAC_ATTEMPTS; attempt++) {
      const address = deriveMac(hmac, linkKeyOf(identity, attachment, link.index), prefix, attempt);
      if ((await this.#takeFree({ address, attachment }, identity, signal)) === undefined) return address;
    }
    return {
      reason: 'MacsExhausted',
      message: `${MAC_ATTEMPTS} MAC addresses in a row are taken.`,
      remedy: `Shorten identity.macPrefix in MacvlanAttachment ${attachment}.`,
    };
  }

  async #fromPool(claimant: Claimant, { link }: Wish, family: Family, signal: AbortSignal): Promise<string | Refusal> {
    const { identity, hmac } = claimant;
    if (isRefusal(hmac)) return hmac;
    const attachment = link.attachment.metadata.name;
    const ranges = link.attachment.spec.ipam.pool?.ranges ?? [];
    const older = olderPoolsOf(this.#options.stores, link.attachment);
    const intervals = ranges.flatMap((range) => usableBeside(range, older).map((interval) => ({ ...interval, range })));
    const ofFamily = intervals.filter((interval) => interval.family === family);
    const offset = poolOffset(hmac, linkKeyOf(identity, attachment, link.index), family, sizeOf(ofFamily));
    const others = this.#takenBy(claimant, attachment, family);
    const isUsed = (value: bigint) =>
      isSeen(this.#options.stores, { attachment, address: formatAddress({ family, value }) });
    const unseen = { has: (value: bigint) => others.has(value) || isUsed(value) };
    for (;;) {
      const value = freeAddress(ofFamily, offset, unseen) ?? freeAddress(ofFamily, offset, others);
      const range = ofFamily.find(({ first, last }) => value !== undefined && first <= value && value <= last)?.range;
      if (value === undefined || range === undefined) return exhausted(attachment, family);
      const address = formatAddress({ family, value });
      if ((await this.#takeFree({ address, attachment }, identity, signal)) === undefined)
        return withPrefix(address, range);
      others.add(value);
    }
  }

  /**
   * Addresses that are in use, also by nodes; one that the identity claimed and does not use, since an earlier try broke off, is not. Asked one by
   * one: an attachment may have ten thousand claims.
   */
  #takenBy({ identity, links }: Claimant, attachment: string, family: Family): Taken {
    const used = new Set(addressesOf(links).map(claimName));
    const { written, stores } = this.#options;
    const refused = new Set<bigint>();
    const isTaken = (value: bigint) => {
      const address = formatAddress({ family, value });
      const name = claimName({ address, attachment });
      const claim = written.get(name);
      const isClaimed = claim !== undefined && (used.has(name) || !belongsTo(claim, identity));
      return isClaimed || isNodeAddress(stores, attachment, address);
    };
    return {
      has: (value) => refused.has(value) || isTaken(value),
      add: (value) => refused.add(value),
    };
  }
}

export function linkKeyOf({ namespace, name }: IdentityReference, attachment: string, index: number): LinkKey {
  return { namespace, identity: name, attachment, index };
}

export function taken(address: string, { namespace, name }: IdentityReference): Refusal {
  return {
    reason: 'PinTaken',
    message: `${address} belongs to MacvlanIdentity ${namespace}/${name}.`,
    remedy: 'Choose another address, or delete that identity when nobody needs it any more.',
  };
}

function exhausted(attachment: string, family: Family): Refusal {
  return {
    reason: 'PoolExhausted',
    message: `All ${family} addresses of attachment ${attachment} are taken.`,
    remedy: 'Extend spec.ipam.pool.ranges, or delete identities that nobody needs any more (kubectl get mvi -A).',
  };
}
