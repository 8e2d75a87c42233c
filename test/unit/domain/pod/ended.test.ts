import { describe, expect, test } from '@jest/globals';
import {
  addEnded,
  CLEAR_MS,
  type Departures,
  departedIn,
  ENDED_KEPT,
  followPods,
  GIVE_UP_MS,
  judgeDepartures,
  recallPods,
  seeStarted,
} from '../../../../src/domain/pod/ended.ts';

const MAC = '02:4d:00:00:00:01';
const pod = { namespace: 'home', name: 'db-0', uid: 'u1' };
const link = { ...pod, attachment: 'lan', interface: 'net1', mac: MAC, ips: [] };
const nobody: ReadonlySet<string> = new Set();
const all = (...uids: string[]) => new Set(uids);

/** Attached, and its object gone at 1000. */
function gone(): Departures {
  return followPods(seeStarted(followPods(new Map(), [link], all('u1'), 0), all('u1')), [], nobody, 1000);
}

const heard = all('lan');
const nothing = { cgroups: all('agent'), macs: nobody, heard };

describe('a pod whose object is gone', () => {
  test('has ended when neither a cgroup nor its MAC address is left, in two looks with some time between', () => {
    const first = judgeDepartures(gone(), nothing, 2000);
    expect(first.ended).toEqual([]);
    expect(judgeDepartures(first.rest, nothing, 2000 + CLEAR_MS - 1).ended).toEqual([]);
    const second = judgeDepartures(first.rest, nothing, 2000 + CLEAR_MS);
    expect(second.ended).toEqual([pod]);
    expect(second.rest.size).toBe(0);
  });

  test.each([
    ['it has a cgroup', { cgroups: all('u1'), macs: nobody, heard }],
    ['a NIC listens for its MAC address', { cgroups: nobody, macs: all(MAC), heard }],
    ['no link of its attachment was ever seen in a filter', { cgroups: nobody, macs: nobody, heard: all('other') }],
  ])('has not ended while %s, however often that is seen', (_while, remains) => {
    let { rest } = judgeDepartures(gone(), nothing, 2000);
    for (const now of [3000, 10_000, 1_000_000]) {
      const look = judgeDepartures(rest, remains, now);
      expect(look.ended).toEqual([]);
      rest = look.rest;
    }
    // And the time begins anew.
    expect(judgeDepartures(rest, nothing, 1_000_001).ended).toEqual([]);
  });

  test('is not spoken of when it was never seen attached: its kubelet may not have heard of it yet', () => {
    const unattached = followPods(new Map(), [{ ...link, mac: '' }], all('u1'), 0);
    expect(departedIn(followPods(unattached, [], nobody, 1000))).toEqual([]);
  });

  test('is known from what an earlier agent told of it', () => {
    const known = followPods(recallPods([{ ...link, state: 'Attached' }], nobody), [], nobody, 5);
    const links = [{ attachment: 'lan', mac: MAC }];
    expect(departedIn(known)).toMatchObject([{ pod, links, hasStarted: true }]);
  });

  test('has not ended when its cgroup was never seen, whatever is written on it: it may be about to start', () => {
    let rest = followPods(followPods(new Map(), [link], all('u1'), 0), [], nobody, 1000);
    for (const now of [2000, 10_000, 1_000_000]) {
      const look = judgeDepartures(rest, nothing, now);
      expect(look.ended).toEqual([]);
      rest = look.rest;
    }
  });

  test('is given up, untold, when nothing could be told of it for an hour', () => {
    expect(followPods(gone(), [], nobody, 1000 + GIVE_UP_MS - 1).size).toBe(1);
    expect(followPods(gone(), [], nobody, 1000 + GIVE_UP_MS).size).toBe(0);
  });

  test('is to be seen by this agent itself when its object was there still as it came', () => {
    const known = recallPods([{ ...link, state: 'Attached' }], all('u1'));
    expect(known.get('u1')?.hasStarted).toBe(false);
  });
});

describe('a pod whose object is there', () => {
  test('is never judged, whatever is left of it', () => {
    const there = followPods(new Map(), [link], all('u1'), 0);
    expect(judgeDepartures(there, nothing, 1_000_000)).toEqual({ ended: [], rest: there });
  });

  test('that was missing for a moment is there as before', () => {
    const { rest } = judgeDepartures(gone(), nothing, 2000);
    expect(departedIn(followPods(rest, [], all('u1'), 3000))).toEqual([]);
  });

  test('is remembered with all MAC addresses that it has had', () => {
    const one = followPods(new Map(), [link], all('u1'), 0);
    const other = { ...link, mac: '02:4d:00:00:00:02' };
    expect(
      followPods(one, [other], all('u1'), 0)
        .get('u1')
        ?.links.map(({ mac }) => mac),
    ).toEqual([MAC, other.mac]);
  });
});

describe('what is told', () => {
  const named = (uid: string) => ({ ...pod, uid });

  test('stays the same list when there is nothing new', () => {
    const told = [named('a')];
    expect(addEnded(told, [])).toBe(told);
    expect(addEnded(told, [named('a')])).toBe(told);
  });

  test('is the latest ones, the last one last', () => {
    const many = Array.from({ length: ENDED_KEPT }, (_, i) => named(`u${i}`));
    const told = addEnded(many, [named('new')]);
    expect(told).toHaveLength(ENDED_KEPT);
    expect(told[0]).toEqual(named('u1'));
    expect(told.at(-1)).toEqual(named('new'));
  });
});
