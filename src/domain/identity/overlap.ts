// Pools of two attachments on one LAN that hold the same addresses. Claims are made for each attachment by itself, so that both could
// give an address away: the older attachment has those that both hold, and the younger one is told so.
import type { MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { PoolRange } from '../../api/v1alpha1/ipam.ts';
import { describeRange } from '../attachment/ranges.ts';
import { overlap } from '../net/address-range.ts';
import type { Problem } from '../problem.ts';
import { type Intervals, usableIn, withoutAll } from './pool.ts';

/** Whether two attachments are on one LAN, as far as it can be known. */
export type IsOneLan = (attachment: string, other: string) => boolean;

/** Attachments that came earlier, are on the same LAN, and give away addresses that this one has in its pool as well. */
export function olderPools(
  attachment: MacvlanAttachment,
  others: readonly MacvlanAttachment[],
  isOneLan: IsOneLan,
): readonly MacvlanAttachment[] {
  const own = intervalsOf(attachment);
  if (own.length === 0) return [];
  return others
    .filter((other) => other.metadata.name !== attachment.metadata.name && isOlder(other, attachment))
    .filter((other) => own.some((one) => intervalsOf(other).some((two) => overlap(one, two))))
    .filter((other) => isOneLan(attachment.metadata.name, other.metadata.name))
    .toSorted((a, b) => (isOlder(a, b) ? -1 : 1));
}

/** What a range of the younger attachment has to give: what no older one has. */
export function usableBeside(range: PoolRange, older: readonly MacvlanAttachment[]): Intervals {
  return withoutAll(usableIn(range), older.flatMap(intervalsOf));
}

/** What the younger attachment is told. */
export function overlapProblem(
  attachment: MacvlanAttachment,
  older: readonly MacvlanAttachment[],
): Problem | undefined {
  const [first] = older;
  if (first === undefined) return undefined;
  const { name } = first.metadata;
  const range = rangesOf(attachment).find((own) =>
    usableIn(own).some((one) => intervalsOf(first).some((two) => overlap(one, two))),
  );
  const what = range === undefined ? 'Its pool' : describeRange(range);
  return {
    reason: 'PoolsOverlap',
    message: `${what} holds addresses that MacvlanAttachment ${name} gives away on the same LAN; it gives away none of these.`,
    remedy: `Change start and end in spec.ipam.pool.ranges, or in those of ${name}, so that no address is in both.`,
    severity: 'Warning',
  };
}

function rangesOf({ spec }: MacvlanAttachment): readonly PoolRange[] {
  return spec.ipam.type === 'Pool' ? (spec.ipam.pool?.ranges ?? []) : [];
}

function intervalsOf(attachment: MacvlanAttachment): Intervals {
  return rangesOf(attachment).flatMap(usableIn);
}

/** The API server's clock counts seconds, so names decide between those of one second. */
function isOlder(one: MacvlanAttachment, other: MacvlanAttachment): boolean {
  const [a, b] = [one, other].map(({ metadata }) => `${metadata.creationTimestamp ?? ''} ${metadata.name}`);
  return (a ?? '') < (b ?? '');
}
