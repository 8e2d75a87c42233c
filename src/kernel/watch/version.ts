// Versions of a collection, as far as they can be told apart by more than being equal.

/**
 * Whether the first is known to be from before the second: versions of one collection grow, as decimal numbers without leading zeros. Of
 * a server that does otherwise, nothing is known.
 */
export function isOlderVersion(version: string, than: string): boolean {
  if (!/^\d+$/.test(version) || !/^\d+$/.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}
