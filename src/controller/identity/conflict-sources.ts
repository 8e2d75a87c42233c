// What wakes a look at an address: agents see it on another link, it is claimed or given up, or its identity has another holder.
// Most addresses are where they should be; only those that are not, or were not, are looked into.
import type { MacvlanClaim } from '../../api/v1alpha1/claim.ts';
import { isAnotherBoot } from '../../domain/earlier-boot.ts';
import { addressesBetween, addressesIn, addressKey } from '../../domain/identity/conflicts.ts';
import type { Stores } from '../stores.ts';
import type { Conflicts } from './conflict-sight.ts';

export function connectConflicts(stores: Stores, conflicts: Conflicts, wake: (address: string) => void): void {
  const look = (address: string) => {
    if (conflicts.isOfInterest(address)) wake(address);
  };
  const lookAtClaim = ({ spec }: MacvlanClaim) => {
    const address = addressKey(spec.address);
    if (address !== undefined) look(address);
  };
  stores.nodeStates.onChange(({ old, current }) => {
    for (const address of addressesBetween(old, current)) look(address);
  });
  stores.nodes.onChange(({ key, old, current }) => {
    const isBooted = old !== undefined && current !== undefined && isAnotherBoot(old, current);
    const state = isBooted ? stores.nodeStates.get(key) : undefined;
    if (state !== undefined) for (const address of addressesIn(state)) look(address);
  });
  stores.claims.onChange(({ old, current }) => {
    const claim = current ?? old;
    if (claim !== undefined && (old === undefined || current === undefined)) lookAtClaim(claim);
  });
  stores.identities.onChange(({ key, old, current }) => {
    if (old?.status?.holder?.uid === current?.status?.holder?.uid) return;
    for (const claim of stores.claims.by('identity', key)) lookAtClaim(claim);
  });
}

/** Looks again at all that there is to look into: a slow safety net under the watches. */
export function wakeConflicts(stores: Stores, conflicts: Conflicts, wake: (address: string) => void): void {
  for (const { status } of stores.nodeStates.list()) {
    const addresses = (status?.pods ?? []).flatMap(({ mac = '', ips = [] }) => [mac, ...ips]);
    for (const text of addresses) {
      const address = addressKey(text);
      if (address !== undefined && conflicts.isOfInterest(address)) wake(address);
    }
  }
  for (const { address } of conflicts.list()) wake(address);
}
