// The state of a pod's link, from what was asked for, what was made, what is seen, and what was said before.
import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../../src/api/kube.ts';
import type { AttachedPod } from '../../../../src/domain/pod/attached.ts';
import type { CachedLink } from '../../../../src/domain/pod/cached-link.ts';
import { settingsOf } from '../../../../src/domain/pod/link-settings.ts';
import { judgeLinks, type LinkFacts, type LinkSight } from '../../../../src/domain/pod/link-state.ts';
import { repairRefused } from '../../../../src/domain/pod/repair.ts';
import { attachment, nodePod } from '../../../support/builders.ts';

const lan = attachment();
const settings = settingsOf(lan);
if (settings === undefined) throw new Error('no settings');
const link: AttachedPod = {
  ...{ namespace: 'home', name: 'web', uid: 'uid-web', attachment: 'lan', interface: 'net1' },
  ...{ mac: '02:00:00:00:00:01', ips: ['192.0.2.1'] },
};
const cached: CachedLink = {
  ...{ namespace: 'home', name: 'web', uid: 'uid-web', attachment: 'lan', interface: 'net1' },
  ...{ netns: '/run/netns/a', mac: link.mac, addresses: [], routes: [], settings },
};
const there = { lower: 2, isRepaired: false };
const refusal = repairRefused('net1', 'of something');

function judged(sight: Partial<LinkSight> | undefined, init: Partial<LinkFacts> = {}) {
  return judgeLinks({
    pods: [],
    attached: [link],
    attachments: new Map([['lan', lan]]),
    sights: new Map(sight === undefined ? [] : [['uid-web/net1', { cached, live: there, ...sight }]]),
    before: [],
    parents: new Map([['lan', 2]]),
    ...init,
  }).map(({ state, problem }) => ({ state, ...(problem === undefined ? {} : { problem }) }));
}

test("a link that somebody else's NAD of that name made is not ours, whatever became of it", () => {
  for (const master of ['eth0', '']) {
    const foreign = { cached: { ...cached, settings: { ...settings, master } } } as const;
    expect(judged(foreign)).toEqual([]);
    expect(judged({ ...foreign, live: 'Missing' })).toEqual([]);
  }
});

describe('a link that was given is', () => {
  test.each<[string, Partial<LinkSight> | undefined, Partial<LinkFacts>, string]>([
    ['attached when it is there', {}, {}, 'Attached'],
    ['attached as long as nobody can look', undefined, {}, 'Attached'],
    ['attached while its NIC is not verified', {}, { parents: new Map() }, 'Attached'],
    ['a ghost when it is missing', { live: 'Missing' }, {}, 'Ghost'],
    ['repaired when it carries the mark', { live: { lower: 2, isRepaired: true } }, {}, 'Repaired'],
    ['stale when it is on another NIC', { live: { lower: 7, isRepaired: false } }, {}, 'Stale'],
    [
      'stale when its settings are older',
      { cached: { ...cached, settings: { ...settings, fingerprint: '' } } },
      {},
      'Stale',
    ],
    [
      'what it was when its namespace cannot be seen',
      { live: 'Unseen' },
      { before: [nodePod('web', { state: 'Ghost' })] },
      'Ghost',
    ],
    [
      'what it was before anybody has looked',
      undefined,
      { before: [nodePod('web', { state: 'Repaired' })] },
      'Repaired',
    ],
    [
      'not what another pod of that name was',
      undefined,
      { before: [nodePod('web', { uid: 'old', state: 'Ghost' })] },
      'Attached',
    ],
  ])('%s', (_, sight, init, state) => {
    expect(judged(sight, init)).toEqual([{ state }]);
  });

  test('a ghost with the reason why it was not made again', () => {
    expect(judged({ live: 'Missing', refusal })).toEqual([{ state: 'Ghost', problem: refusal }]);
    const before = [nodePod('web', { state: 'Ghost', problem: refusal })];
    expect(judged(undefined, { before })).toEqual([{ state: 'Ghost', problem: refusal }]);
  });
});

describe('a pod that asks and has no link', () => {
  const pod = (init: Partial<Pod['metadata']> = {}, phase = 'Running'): Pod => ({
    metadata: {
      ...{ namespace: 'home', name: 'late', uid: 'uid-late' },
      annotations: { 'k8s.v1.cni.cncf.io/networks': 'lan, home/other@net2' },
      ...init,
    },
    spec: {},
    status: { phase },
  });
  const states = (pods: readonly Pod[], init: Partial<LinkFacts> = {}) =>
    judged(undefined, { attached: [], pods, ...init });

  test('was never attached when it runs', () => {
    expect(states([pod()])).toEqual([{ state: 'NeverAttached' }]);
  });

  test.each([
    ['is being started', pod({}, 'Pending')],
    ['has ended', pod({}, 'Succeeded')],
    ['is ending', pod({ deletionTimestamp: '2026-01-01T00:00:00Z' })],
    ['asks in words that nobody can read', pod({ annotations: { 'k8s.v1.cni.cncf.io/networks': '[{' } })],
    ['asks for another network', pod({ annotations: { 'k8s.v1.cni.cncf.io/networks': 'other' } })],
    ['asks for nothing', pod({ annotations: {} })],
  ])('is left out while it %s', (_, object) => {
    expect(states([object])).toEqual([]);
  });

  test('is left out when CNI says that it was attached, whatever is written on it', () => {
    const other = { ...cached, name: 'late', uid: 'uid-late' };
    expect(states([pod()], { sights: new Map([['uid-late/net1', { cached: other, live: there }]]) })).toEqual([]);
  });
});
