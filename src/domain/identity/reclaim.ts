// When an identity that nobody holds is deleted, and its addresses with it.
import type { MacvlanIdentity } from '../../api/v1alpha1/identity.ts';

const DEFAULT_AFTER = '720h';

/** Milliseconds until it is to be deleted, 0 for now; nothing when it stays. */
export function reclaimIn({ spec, status, metadata }: MacvlanIdentity, now: number): number | undefined {
  const { reclaim } = spec;
  if (reclaim?.type !== 'Delete' || status?.holder !== undefined || metadata.deletionTimestamp !== undefined)
    return undefined;
  const since = Date.parse(status?.lastHeld ?? metadata.creationTimestamp ?? '');
  if (Number.isNaN(since)) return undefined;
  return Math.max(0, since + parseDuration(reclaim.after ?? DEFAULT_AFTER) - now);
}

/** `1h30m` in milliseconds. */
export function parseDuration(text: string): number {
  const [, h = '0', m = '0', s = '0'] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
  return ((Number(h) * 60 + Number(m)) * 60 + Number(s)) * 1000;
}
