import { describe, expect, test } from '@jest/globals';
import type { MacvlanAttachment } from '../../../../src/api/v1alpha1/attachment.ts';
import { olderPools, overlapProblem, usableBeside } from '../../../../src/domain/identity/overlap.ts';
import { formatAddress } from '../../../../src/domain/net/address-text.ts';
import { attachment } from '../../../support/builders.ts';

/** A pool from 192.0.2.`start` to `end`, made at that second. */
function pool(name: string, start: number, end: number, second: number): MacvlanAttachment {
  const range = { subnet: '192.0.2.0/24', start: `192.0.2.${start}`, end: `192.0.2.${end}` };
  const made = attachment({ name, spec: { ipam: { type: 'Pool', pool: { ranges: [range] } } } });
  const creationTimestamp = new Date(second * 1000).toISOString();
  return { ...made, metadata: { ...made.metadata, creationTimestamp } };
}

const together = () => true;
const namesOf = (list: readonly MacvlanAttachment[]) => list.map(({ metadata }) => metadata.name);
const older = (own: MacvlanAttachment, others: readonly MacvlanAttachment[], isOneLan = together) =>
  namesOf(olderPools(own, others, isOneLan));

const first = pool('first', 10, 50, 1);
const second = pool('second', 40, 90, 2);
const apart = pool('apart', 100, 120, 0);

describe('of two pools on one LAN that hold the same addresses', () => {
  test('the older one has them, and is told nothing', () => {
    const all = [first, second, apart];
    expect(older(first, all)).toEqual([]);
    expect(older(second, all)).toEqual(['first']);
    expect(older(apart, all)).toEqual([]);
  });

  test('made in the same second, the name decides, and it is the same one for both', () => {
    const twin = pool('a-twin', 10, 50, 1);
    expect(older(first, [twin])).toEqual(['a-twin']);
    expect(older(twin, [first])).toEqual([]);
  });

  test('the younger one gives away what is left, and says so', () => {
    const [range] = second.spec.ipam.pool?.ranges ?? [];
    const left = range === undefined ? [] : usableBeside(range, [first]);
    expect(
      left.map((one) => [formatAddress({ ...one, value: one.first }), formatAddress({ ...one, value: one.last })]),
    ).toEqual([['192.0.2.51', '192.0.2.90']]);
    expect(overlapProblem(second, [first])).toMatchObject({
      reason: 'PoolsOverlap',
      severity: 'Warning',
      message: expect.stringContaining(
        '192.0.2.0/24 (192.0.2.40 to 192.0.2.90) holds addresses that MacvlanAttachment first',
      ),
    });
    expect(overlapProblem(first, [])).toBeUndefined();
  });

  test('what the older one excludes is not its own, and may be given away by the other', () => {
    const [range] = first.spec.ipam.pool?.ranges ?? [];
    const ranges =
      range === undefined ? [] : [{ ...range, exclude: ['192.0.2.40/29', '192.0.2.48', '192.0.2.49', '192.0.2.50'] }];
    const polite = { ...first, spec: { ...first.spec, ipam: { type: 'Pool', pool: { ranges } } as const } };
    expect(older(second, [polite])).toEqual([]);
  });
});

test('on two LANs, pools may hold the same addresses', () => {
  expect(older(second, [first], () => false)).toEqual([]);
});
