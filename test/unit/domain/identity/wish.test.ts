import { describe, expect, test } from '@jest/globals';
import type { MacvlanAttachmentSpec } from '../../../../src/api/v1alpha1/attachment.ts';
import type { IdentityLink } from '../../../../src/api/v1alpha1/identity.ts';
import { addressesElsewhere } from '../../../../src/domain/identity/elsewhere.ts';
import { type LinkRequest, linksOf, type NetworkView, notYetKnown } from '../../../../src/domain/identity/links.ts';
import { wishFor } from '../../../../src/domain/identity/wish.ts';
import { attachment } from '../../../support/builders.ts';
import { waitingPod } from '../../../support/identity.ts';

const ours: NetworkView = (namespace, name) => {
  if (name === 'soon') return 'Pending';
  if (name === 'nowhere') return 'Absent';
  return namespace === 'home' && ['lan', 'cams'].includes(name) ? attachment({ name }) : 'Foreign';
};
const links = (annotations: Readonly<Record<string, string>>) => linksOf(waitingPod('x', { annotations }), ours);
const networks = (text: string) => ({ 'k8s.v1.cni.cncf.io/networks': text });

describe('the links of a pod', () => {
  test('are its networks that are attachments of ours, the same one counted up', () => {
    expect(links(networks('other,lan,home/lan@eth5,media/lan,cams'))).toMatchObject([
      { element: 1, index: 0 },
      { element: 2, index: 1 },
      { element: 4, index: 0 },
    ]);
  });

  test('are not known before the NAD of each attachment is there', () => {
    expect(links(networks('lan,soon'))).toMatchObject({
      reason: 'NetworkMissing',
      message: expect.stringContaining('soon'),
    });
  });

  test.each(['mac', 'IPs', 'ip'])('may not be given an address by %s in cni-args, which plugins would take', (key) => {
    const args = JSON.stringify({ [key]: 'x' });
    expect(links(networks(`[{"name":"other","cni-args":${args}}]`))).toEqual([]);
    expect(links(networks(`[{"name":"lan","cni-args":${args}}]`))).toMatchObject({
      reason: 'PinInvalid',
      message: expect.stringContaining('attachment lan in cni-args'),
    });
    expect(links(networks('[{"name":"lan","cni-args":{"speed":1}}]'))).toHaveLength(1);
  });

  test('are at most as many as an identity has room for', () => {
    expect(links(networks(Array(32).fill('lan').join(',')))).toHaveLength(32);
    expect(links(networks(Array(33).fill('lan').join(',')))).toMatchObject({ reason: 'NetworksInvalid' });
  });

  test('on networks of others are looked at for the MAC addresses that they choose, in any spelling', () => {
    const list = ['02-4D-00-00-00-01', '024d.0000.0002', 'none', '02:4d:00:00:00:03'].map((mac, i) => ({
      name: i === 3 ? 'lan' : 'other',
      mac,
    }));
    const pod = waitingPod('x', { annotations: networks(JSON.stringify(list)) });
    expect(addressesElsewhere(pod, ours)).toEqual(['02:4d:00:00:00:01', '02:4d:00:00:00:02']);
  });

  test.each([
    ['"ips":["192.0.2.5/24","2001:DB8::5"]', ['192.0.2.5', '2001:db8::5']],
    ['"ips":["::ffff:192.0.2.5/120"]', ['192.0.2.5']],
    ['"ips":[" 192.0.2.5/24\\t"]', ['192.0.2.5']],
    ['"ips":["198.51.100.7/24, 192.0.2.5/24"]', ['198.51.100.7', '192.0.2.5']],
    ['"ips":["198.51.100.7/24;IP=192.0.2.5/24"]', ['198.51.100.7', '192.0.2.5']],
    ['"ips":["198.51.100.7/24;MAC=024d.0000.0001"]', ['198.51.100.7', '02:4d:00:00:00:01']],
    ['"cni-args":{"mac":"02:4D:00:00:00:01"}', ['02:4d:00:00:00:01']],
    ['"CNI-Args":{"a":[{"ips":["192.0.2.5/24"]}],"b":7}', ['192.0.2.5']],
    [
      '"cni-args":{"all":"IP=192.0.2.5,192.0.2.6;MAC=02:4d:00:00:00:01"}',
      ['192.0.2.5', '192.0.2.6', '02:4d:00:00:00:01'],
    ],
  ])('on networks of others are looked at for the addresses in %s, too', (choice, addresses) => {
    const pod = waitingPod('x', { annotations: networks(`[{"name":"other",${choice}},{"name":"lan","mac":"x"}]`) });
    expect(addressesElsewhere(pod, ours)).toEqual(addresses);
  });

  test.each([
    ['lan', undefined],
    ['other,media/lan', undefined],
    ['other,nowhere', 'nowhere'],
    ['[{"name":"nowhere","namespace":"media"}]', 'nowhere in media'],
  ])('are only known not to be there when all networks are somebody else’s: %s', (text, missing) => {
    const refusal = notYetKnown(waitingPod('x', { annotations: networks(text) }), ours);
    expect(refusal?.message).toEqual(missing && `The NetworkAttachmentDefinition ${missing} is not there yet.`);
  });

  test('on networks of others are looked at however deep they are', () => {
    const deep = `${'['.repeat(5000)}"192.0.2.5"${']'.repeat(5000)}`;
    const pod = waitingPod('x', { annotations: networks(`[{"name":"other","cni-args":{"a":${deep}}}]`) });
    expect(addressesElsewhere(pod, ours)).toEqual(['192.0.2.5']);
  });

  test.each(['"mac":"02:4d:00:00:00:01"', '"ips":["192.0.2.5/24"]', '"cni-args":{"a":1}'])(
    'are not known where it chooses %s on a network that nobody has made yet',
    (choice) => {
      expect(links(networks(`[{"name":"lan"},{"name":"nowhere",${choice}}]`))).toMatchObject({
        reason: 'NetworkMissing',
      });
      expect(links(networks(`[{"name":"lan"},{"name":"other",${choice}}]`))).toHaveLength(1);
      expect(links(networks('lan,nowhere'))).toHaveLength(1);
    },
  );

  test.each([
    ['for its only link', 'lan', '02:4d:00:00:00:01', ['02:4d:00:00:00:01']],
    ['by attachment', 'lan,cams', 'cams=02:4d:00:00:00:01', [undefined, '02:4d:00:00:00:01']],
    [
      'by attachment and index',
      'lan,lan',
      'lan#1=02:4d:00:00:00:01, lan=02:4d:00:00:00:02',
      ['02:4d:00:00:00:02', '02:4d:00:00:00:01'],
    ],
  ])('may be given a MAC by the annotation %s', (_how, list, mac, expected) => {
    const found = links({ ...networks(list), 'macvlan.dev/mac': mac });
    expect('reason' in found ? found : found.map((link) => link.mac)).toEqual(expected);
  });

  test.each(['02:4d:00:00:00:01', 'wan=02:4d:00:00:00:01', 'lan#5=02:4d:00:00:00:01'])(
    'do not guess for which of them "%s" is',
    (mac) => {
      expect(links({ ...networks('lan,cams'), 'macvlan.dev/mac': mac })).toMatchObject({ reason: 'PinInvalid' });
    },
  );
});

describe('the addresses of a link', () => {
  const pool: Partial<MacvlanAttachmentSpec> = {
    ipam: {
      type: 'Pool',
      pool: { ranges: [{ subnet: '192.0.2.0/24', gateway: '192.0.2.1' }, { subnet: 'fd00::/64' }] },
    },
  };
  const wish = (
    spec: Partial<MacvlanAttachmentSpec>,
    pins: Partial<LinkRequest> = {},
    entry: Partial<IdentityLink> | undefined = undefined,
    owned: readonly string[] = [],
  ) => {
    const link = { element: 0, attachment: attachment({ spec }), index: 0, mac: undefined, ips: undefined, ...pins };
    const { link: _, ...rest } = {
      link: undefined,
      ...wishFor(link, entry === undefined ? undefined : { attachment: 'lan', index: 0, ...entry }, {
        owns: ({ address }) => owned.includes(address),
        derives: (_link, mac) => mac === '02:de:00:00:00:00',
        isNicMac: () => false,
        isNodeAddress: (address) => address === '192.0.2.12',
      }),
    };
    return rest;
  };

  test('are all to be found where nobody chose any', () => {
    expect(wish(pool)).toEqual({ mac: undefined, ips: [], missing: ['IPv4', 'IPv6'] });
    expect(wish({})).toEqual({ mac: undefined, ips: [], missing: [] });
  });

  test('are those that the identity has, also where pods may not choose', () => {
    const entry = { mac: '02:4d:00:00:00:01', ips: ['192.0.2.9/24', 'fd00::9/64'] };
    const owned = ['02:4d:00:00:00:01', '192.0.2.9', 'fd00::9'];
    expect(wish(pool, {}, entry, owned)).toEqual({ ...entry, missing: [] });
  });

  test('are new ones where the pool no longer holds the old ones', () => {
    expect(wish(pool, {}, { ips: ['198.51.100.9/24', 'fd00::9/64'] }, ['fd00::9', '198.51.100.9'])).toEqual({
      mac: undefined,
      ips: ['fd00::9/64'],
      missing: ['IPv4'],
    });
  });

  const without = (range: object): Partial<MacvlanAttachmentSpec> => ({
    ipam: { type: 'Pool', pool: { ranges: [{ subnet: '192.0.2.0/24', ...range }] } },
  });

  test.each([
    ['is excluded by now', { exclude: ['192.0.2.8/29'] }],
    ["is the gateway's by now", { gateway: '192.0.2.11' }],
    ["is the subnet's broadcast address by now", { subnet: '192.0.2.8/30' }],
  ])('are new ones where the old one %s', (_what, range) => {
    const found = wish(without(range), {}, { ips: ['192.0.2.11/24'] }, ['192.0.2.11']);
    expect(found).toMatchObject({ ips: [], missing: ['IPv4'] });
  });

  test('stay where start and end of the pool leave them out by now: others get none of these, the identity keeps what it has', () => {
    const shrunk = without({ start: '192.0.2.100', end: '192.0.2.200' });
    expect(wish(shrunk, {}, { ips: ['192.0.2.9/24'] }, ['192.0.2.9'])).toMatchObject({ ips: ['192.0.2.9/24'] });
  });

  test('may be excluded ones where pods choose: they may be reserved for just that', () => {
    const open = { ...without({ exclude: ['192.0.2.0/28'] }), pins: 'Allow' } as const;
    expect(wish(open, {}, { ips: ['192.0.2.9/24'] }, ['192.0.2.9'])).toMatchObject({ ips: ['192.0.2.9/24'] });
    expect(wish(open, { ips: ['192.0.2.9'] })).toMatchObject({ ips: ['192.0.2.9/24'] });
  });

  test('are refused with the reason where the identity wishes for the gateway and has not had it', () => {
    const open = { ...without({ gateway: '192.0.2.9' }), pins: 'Allow' } as const;
    expect(wish(open, {}, { ips: ['192.0.2.9/24'] })).toMatchObject({ reason: 'PinInvalid' });
  });

  test('may be the derived MAC, written down by whoever imported it', () => {
    expect(wish({}, {}, { mac: '02:de:00:00:00:00' })).toMatchObject({ mac: '02:de:00:00:00:00' });
  });

  test('are what the pod chose rather than what its identity says, where it may choose', () => {
    const open = { ...pool, pins: 'Allow' } as const;
    expect(wish(open, { mac: '02-4D-00-00-00-02', ips: ['192.0.2.7'] }, { mac: '02:4d:00:00:00:01' })).toEqual({
      mac: '02:4d:00:00:00:02',
      ips: ['192.0.2.7/24'],
      missing: ['IPv6'],
    });
  });

  test('are none that a node has itself, but for those that the identity had before', () => {
    const open = { ...pool, pins: 'Allow' } as const;
    expect(wish(open, { ips: ['192.0.2.12'] })).toMatchObject({ reason: 'PinInvalid' });
    expect(wish(open, { ips: ['192.0.2.12'] }, undefined, ['192.0.2.12'])).toMatchObject({ ips: ['192.0.2.12/24'] });
  });

  test.each(['::ffff:192.0.2.5/120', '0:0:0:0:0:ffff:c000:205/120'])(
    'are not in another disguise, in which plugins would see an address that has another claim: %s',
    (ip) => {
      const fixed = { pins: 'Allow', ipam: { type: 'Static' } } as const;
      expect(wish(fixed, { ips: [ip] })).toMatchObject({ reason: 'PinInvalid' });
    },
  );

  test('are those that the identity has, of a family for which the pod chose none', () => {
    const open = { ...pool, pins: 'Allow' } as const;
    const entry = { ips: ['192.0.2.9/24', 'fd00::9/64'] };
    expect(wish(open, { ips: ['192.0.2.7'] }, entry)).toMatchObject({ ips: ['192.0.2.7/24', 'fd00::9/64'] });
    expect(wish(open, { ips: [] }, entry)).toMatchObject(entry);
    const fixed = { pins: 'Allow', ipam: { type: 'Static' } } as const;
    expect(wish(fixed, { ips: ['192.0.2.7/24'] }, entry)).toMatchObject({ ips: ['192.0.2.7/24'] });
  });

  test('are refused where pods may not choose, by the pod or by its identity', () => {
    for (const pins of [{ mac: '02:4d:00:00:00:02' }, { ips: ['192.0.2.7'] }]) {
      expect(wish(pool, pins)).toMatchObject({ reason: 'PinDenied' });
      expect(wish(pool, {}, pins)).toMatchObject({ reason: 'PinDenied' });
    }
  });
});
