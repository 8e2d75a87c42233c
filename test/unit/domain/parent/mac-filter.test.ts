// Whom a MAC-filter probe asks, what the answers mean, and which links are its own.
import { describe, expect, test } from '@jest/globals';
import type { MacvlanAttachmentSpec } from '../../../../src/api/v1alpha1/attachment.ts';
import type { Network } from '../../../../src/domain/net/network.ts';
import {
  isOwnProbe,
  judgeAnswers,
  PROBE_NOTE,
  PROBE_TRIES,
  probeAgainMs,
  probeKeyOf,
  probeWishFor,
} from '../../../../src/domain/parent/mac-filter.ts';
import { attachment } from '../../../support/builders.ts';
import { defaultRoute, link, network } from '../../../support/network.ts';

const routed = (gateway: string, ifindex = 2, metric = 0) => defaultRoute(ifindex, { gateways: [gateway], metric });

function wishFor(spec: Partial<MacvlanAttachmentSpec>, init: Partial<Network> = {}, nodeUid = 'uid') {
  const probed = attachment({ spec: { macFilterProbe: { type: 'Gateway' }, ...spec } });
  return probeWishFor(probed, link(), network({ routes: [routed('10.9.0.254')], ...init }), nodeUid);
}
const gatewayOf = (...args: Parameters<typeof wishFor>) => {
  const wish = wishFor(...args);
  return typeof wish === 'object' ? wish.gateway : wish;
};

describe('whom a probe asks', () => {
  const ranges = [
    { subnet: 'fd00::/64', gateway: 'fd00::1' },
    { subnet: '192.0.2.0/24', gateway: '192.0.2.1' },
  ];
  test.each<[string, Parameters<typeof wishFor>, string | undefined]>([
    ['nobody, unless the attachment wants to know', [{ macFilterProbe: { type: 'None' } }], undefined],
    ['nobody in mode passthru, where the NIC takes no second link', [{ mode: 'passthru' }], undefined],
    ['the next hop of the default route', [{}], '10.9.0.254'],
    [
      'the preferred one of several',
      [{}, { routes: [routed('10.9.0.253', 2, 200), routed('10.9.0.254', 2, 100)] }],
      '10.9.0.254',
    ],
    ['not the next hop behind another NIC', [{}, { routes: [routed('172.20.0.1', 3)] }], 'NoGateway'],
    [
      'not one of a route over several NICs, since nobody says which is behind which',
      [{}, { routes: [defaultRoute(2, { links: [2, 3], gateways: ['10.9.0.1', '172.20.0.1'] })] }],
      'NoGateway',
    ],
    ['not an IPv6 router', [{}, { routes: [defaultRoute(2, { gateways: ['fe80::1'] })] }], 'NoGateway'],
    [
      'without a default route, the first IPv4 gateway of the pool',
      [{ ipam: { type: 'Pool', pool: { ranges } } }, { routes: [] }],
      '192.0.2.1',
    ],
    [
      'or of the ranges of the node',
      [{ ipam: { type: 'HostLocal', hostLocal: { ranges } } }, { routes: [] }],
      '192.0.2.1',
    ],
    [
      'the one that is named before all others',
      [{ macFilterProbe: { type: 'Gateway', gateway: '10.9.0.77' } }],
      '10.9.0.77',
    ],
  ])('%s', (_, args, expected) => {
    expect(gatewayOf(...args)).toBe(expected);
  });
});

describe('the link of a probe', () => {
  test('has a name and a local MAC address that stay the same, and differ from node to node', () => {
    const [one, again, other] = [wishFor({}), wishFor({}), wishFor({}, {}, 'another')];
    expect(one).toEqual(again);
    expect(one).toMatchObject({
      parent: 2,
      mac: link().mac,
      name: expect.stringMatching(/^mvp-[a-z2-7]{11}$/),
      probeMac: expect.stringMatching(/^.[26ae]:/),
    });
    expect(one).not.toEqual(other);
  });

  test('is known again by its note, or by the MAC address that belongs to its name, and by nothing less', () => {
    const wish = wishFor({});
    if (typeof wish !== 'object') throw new Error('no wish');
    const made = link({ ifindex: 9, name: wish.name, kind: 'macvlan', mac: wish.probeMac });
    expect(isOwnProbe(made, 'uid')).toBe(true);
    expect(isOwnProbe({ ...made, mac: '02:00:00:00:00:01', note: PROBE_NOTE }, 'uid')).toBe(true);
    expect(isOwnProbe({ ...made, mac: '02:00:00:00:00:01' }, 'uid')).toBe(false);
    expect(isOwnProbe({ ...made, kind: 'dummy' }, 'uid')).toBe(false);
    expect(isOwnProbe({ ...made, name: 'eth7', note: PROBE_NOTE }, 'uid')).toBe(false);
  });

  test('asks another question when NIC, MAC address or gateway is another one', () => {
    const base = { parent: 2, mac: '52:54:00:00:00:02', gateway: '10.9.0.254' };
    const keys = [
      base,
      { ...base, parent: 3 },
      { ...base, mac: '52:54:00:00:00:03' },
      { ...base, gateway: '10.9.0.1' },
    ];
    expect(new Set(keys.map(probeKeyOf)).size).toBe(keys.length);
  });
});

describe('the answers', () => {
  test.each([
    ['both are answered', { parent: 6, probe: 1 }, 'Open'],
    ['only the other MAC address is', { parent: 0, probe: 1 }, 'Open'],
    ['only the NIC is, each time', { parent: PROBE_TRIES, probe: 0 }, 'Filtered'],
    ['only the NIC is, and often enough', { parent: 3, probe: 0 }, 'Filtered'],
    ['the NIC itself is hardly answered', { parent: 2, probe: 0 }, 'Unclear'],
    ['nobody is', { parent: 0, probe: 0 }, 'Unclear'],
  ] as const)('when %s', (_, answers, verdict) => {
    expect(judgeAnswers(answers)).toBe(verdict);
  });

  test('are asked for again soon where somebody may be changing the filter, and rarely otherwise', () => {
    expect(probeAgainMs('Filtered')).toBeLessThan(probeAgainMs('Unclear'));
    expect(probeAgainMs('Unclear')).toBeLessThan(probeAgainMs('Open'));
    expect(probeAgainMs('Open')).toBeGreaterThanOrEqual(3600_000);
  });
});
