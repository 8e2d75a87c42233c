import { describe, expect, test } from '@jest/globals';
import {
  addEnded,
  CLEAR_MS,
  type Departures,
  departedIn,
  ENDED_KEPT,
  followPods,
  GIVE_UP_MS,
  isTakenOver,
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

  test('is known from what an earlier agent told of it, which had seen it at work', () => {
    const told = { ...link, state: 'Attached', evidence: 'Cgroup' } as const;
    const known = followPods(recallPods([told], nobody), [], nobody, 5);
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

  test('has not started by the word of an earlier agent that had only read what is written on it', () => {
    const known = recallPods([{ ...link, state: 'Attached' }], nobody);
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

describe('a pod whose MAC address is there', () => {
  const there = (macs: ReadonlySet<string>, cgroups = nobody) => ({ cgroups, macs, heard });
  const [departure] = departedIn(gone());
  const taken = (remains: ReturnType<typeof there>, theirs: ReadonlySet<string>) =>
    departure !== undefined && isTakenOver(departure, remains, theirs);

  test('is taken over when a pod that is there has the address, and nothing else is left', () => {
    expect(taken(there(all(MAC)), all(MAC))).toBe(true);
    expect(taken(there(all(MAC)), all('02:4d:00:00:00:02'))).toBe(false);
    expect(taken(there(all(MAC), all('u1')), all(MAC))).toBe(false);
    expect(taken(there(nobody), all(MAC))).toBe(false);
  });
});

describe('what is told', () => {
  const named = (uid: string) => ({ ...pod, uid });
  const at = (since: number, ...uids: readonly string[]) => uids.map((uid) => ({ pod: named(uid), since }));
  const many = (count: number) => Array.from({ length: count }, (_, i) => `u${i}`);
  const HOUR = 3_600_000;

  test('stays the same list when there is nothing new', () => {
    const told = at(0, 'a');
    expect(addEnded(told, [], 1)).toBe(told);
    expect(addEnded(told, [named('a')], 1)).toBe(told);
  });

  test('is all of one burst, the last one last, and of an older one the latest 128', () => {
    const burst = addEnded([], many(300).map(named), 0);
    expect(burst).toEqual(at(0, ...many(300)));
    expect(addEnded(burst, [named('new')], HOUR - 1)).toHaveLength(301);
    const later = addEnded(burst, [named('new')], HOUR);
    expect(later).toEqual([...at(0, ...many(300).slice(-127)), ...at(HOUR, 'new')]);
  });

  test('is never more than a state has room for', () => {
    const told = addEnded(at(0, ...many(ENDED_KEPT)), [named('new')], 1);
    expect(told).toHaveLength(ENDED_KEPT);
    expect(told[0]?.pod).toEqual(named('u1'));
    expect(told.at(-1)?.pod).toEqual(named('new'));
  });
});
