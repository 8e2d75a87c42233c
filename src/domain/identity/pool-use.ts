// How full a pool is: for whoever has to extend it before it is exhausted.
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { MacvlanClaim } from '../../api/v1alpha1/claim.ts';
import { holds, parseAddress } from '../net/address-range.ts';
import { usableBeside } from './overlap.ts';
import { type Family, familiesOf, sizeOf } from './pool.ts';

export interface PoolUse {
  readonly family: Family;
  /** Addresses of identities, whether or not a pod holds them now. */
  readonly used: number;
  /** Addresses that there are to give. An IPv6 subnet has more than a number can tell apart. */
  readonly free: number;
}

/**
 * One entry per address family; nothing for attachments whose addresses are not from a pool.
 * @param claims those on the attachment
 * @param older attachments on the same LAN whose pools have some of the addresses
 */
export function poolUse(
  { spec }: MacvlanAttachment,
  claims: readonly MacvlanClaim[],
  older: readonly MacvlanAttachment[],
): readonly PoolUse[] {
  const ranges = spec.ipam.type === 'Pool' ? (spec.ipam.pool?.ranges ?? []) : [];
  const intervals = ranges.flatMap((range) => usableBeside(range, older));
  const addresses = ranges.length === 0 ? [] : claims.map((claim) => parseAddress(claim.spec.address));
  return familiesOf(ranges).map((family) => {
    const own = intervals.filter((interval) => interval.family === family);
    const isOwn = (address: ReturnType<typeof parseAddress>) =>
      address !== undefined && own.some((interval) => holds(interval, address));
    const used = addresses.filter(isOwn).length;
    return { family, used, free: Number(sizeOf(own) - BigInt(used)) };
  });
}
