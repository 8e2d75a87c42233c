// Who uses an address, whether or not there is a claim on it. Claims may have been lost, and a bound pod is adopted when its turn
// comes, which may be later than that of another one that wants the address; others never had a claim.
import type { IdentityReference } from '../../api/v1alpha1/claim.ts';
import { boundTo } from '../../domain/identity/adopt.ts';
import { addressesOf, type Claimed, claimName, identityLinkOf } from '../../domain/identity/claims.ts';
import { addressKey, sightingsIn } from '../../domain/identity/conflicts.ts';
import { linksOf } from '../../domain/identity/links.ts';
import type { Stores } from '../stores.ts';
import { networkViewOf } from './gather.ts';
import { isOneLan } from './one-lan.ts';

/** The identity of a pod that was bound to the address and has not ended, when that is another one. */
export function otherUserOf(
  stores: Stores,
  identity: IdentityReference,
  claimed: Claimed,
): IdentityReference | undefined {
  const claim = claimName(claimed);
  for (const pod of stores.pods.by('claim', claim)) {
    const user = { namespace: pod.metadata.namespace ?? '', name: boundTo(pod) ?? '' };
    if (user.namespace === identity.namespace && user.name === identity.name) continue;
    const links = linksOf(pod, networkViewOf({ stores }));
    // Whoever cannot tell whose its networks are gets the benefit of the doubt.
    if ('reason' in links) return user;
    if (addressesOf(links.map(identityLinkOf)).some((own) => claimName(own) === claim)) return user;
  }
  return undefined;
}

/** Whether an agent sees the address on a link of the attachment's LAN. Hearsay: a reason to prefer another one, and no more. */
export function isSeen({ nodeStates }: Stores, { attachment, address }: Claimed): boolean {
  const key = addressKey(address) ?? '';
  return nodeStates
    .by('address', key)
    .some((state) => sightingsIn(state, key).some((link) => isOneLan({ nodeStates }, attachment, link.attachment)));
}
