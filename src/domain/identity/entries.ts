// The links of an identity, as they stand in its spec, when a pod brings others.
import type { IdentityLink } from '../../api/v1alpha1/identity.ts';

/** What the identity has, and what it lacks. */
export function withMissing(before: readonly IdentityLink[], had: readonly IdentityLink[]): readonly IdentityLink[] {
  const isThere = ({ attachment, index }: IdentityLink) =>
    before.some((link) => link.attachment === attachment && link.index === index);
  return [...before, ...had.filter((link) => !isThere(link))];
}

/** What the identity has, with the new links in the place of the old ones. */
export function mergeLinks(before: readonly IdentityLink[], taken: readonly IdentityLink[]): readonly IdentityLink[] {
  const keyOf = ({ attachment, index }: IdentityLink) => `${attachment}#${index}`;
  const merged = new Map([...before, ...taken].map((link) => [keyOf(link), link]));
  return [...merged.values()];
}
