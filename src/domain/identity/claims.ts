// Claims: one object per address, named by it, so that the API server refuses a second owner.
import { API_VERSION } from '../../api/names.ts';
import { CLAIM, type IdentityReference, type MacvlanClaim } from '../../api/v1alpha1/claim.ts';
import type { IdentityLink } from '../../api/v1alpha1/identity.ts';
import { groupsOf, parseLinkAddress } from '../net/address-text.ts';
import { parseMac } from '../net/mac.ts';
import type { LinkRequest } from './links.ts';

/** An address on an attachment. */
export interface Claimed {
  readonly address: string;
  readonly attachment: string;
}

/** A MAC address has one owner in the whole cluster, an IP address one per attachment. */
export function claimName({ address, attachment }: Claimed): string {
  const ip = parseMac(address) === undefined ? parseLinkAddress(address)?.address : undefined;
  if (ip === undefined) return `mac-${address.replaceAll(':', '-')}`;
  // An IPv6 address has many spellings; all eight groups are the one that can be in a name.
  const text = ip.family === 'IPv4' ? address.replace(/\/.*/, '').replaceAll('.', '-') : groupsOf(ip.value).join('-');
  return `ip-${attachment}-${text}`;
}

export function claimFor(claimed: Claimed, identity: IdentityReference): MacvlanClaim {
  const address = claimed.address.replace(/\/.*/, '');
  return {
    apiVersion: API_VERSION,
    kind: CLAIM.kind,
    metadata: { name: claimName(claimed) },
    spec: { address, attachment: claimed.attachment, identity },
  };
}

export function belongsTo(claim: MacvlanClaim, identity: IdentityReference): boolean {
  return claim.spec.identity.namespace === identity.namespace && claim.spec.identity.name === identity.name;
}

/** A link of a bound pod, as it stands in its identity. */
export function identityLinkOf({ attachment, index, mac, ips }: LinkRequest): IdentityLink {
  return {
    attachment: attachment.metadata.name,
    index,
    ...(mac === undefined ? {} : { mac }),
    ...(ips === undefined ? {} : { ips }),
  };
}

/** What of the link really belongs to its identity. */
export function ownedPart(
  { attachment, index, mac, ips }: IdentityLink,
  owns: (claimed: Claimed) => boolean,
): IdentityLink {
  const own = (ips ?? []).filter((address) => owns({ address, attachment }));
  return {
    attachment,
    index,
    ...(mac === undefined || !owns({ address: mac.toLowerCase(), attachment }) ? {} : { mac }),
    ...(own.length === 0 ? {} : { ips: own }),
  };
}

/** Everything that an identity needs claims for. */
export function addressesOf(links: readonly IdentityLink[]): readonly Claimed[] {
  return links.flatMap(({ attachment, mac, ips = [] }) =>
    [...(mac === undefined ? [] : [mac.toLowerCase()]), ...ips].map((address) => ({ address, attachment })),
  );
}
