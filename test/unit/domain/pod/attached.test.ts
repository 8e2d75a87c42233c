// Which pods are on which attachment, from annotations that several programs write and people can edit.
import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../../src/api/kube.ts';
import { ANNOTATION_NETWORK_STATUS } from '../../../../src/api/multus.ts';
import { attachedPods, parseNetworkStatus } from '../../../../src/domain/pod/attached.ts';

function pod(name: string, status: unknown, phase = 'Running'): Pod {
  const text = typeof status === 'string' ? status : JSON.stringify(status);
  const metadata = { name, namespace: 'home', uid: `uid-${name}`, annotations: { [ANNOTATION_NETWORK_STATUS]: text } };
  return { metadata, spec: {}, status: { phase } };
}

const CLUSTER = {
  name: 'cbr0',
  interface: 'eth0',
  ips: ['10.42.0.7'],
  mac: '0a:58:0a:2a:00:07',
  default: true,
  gateway: ['<nil>'],
  dns: {},
};
const LAN = { name: 'home/lan', interface: 'net1', ips: ['10.9.0.2'], mac: '02:AA:00:00:00:02', dns: {} };

describe('attached pods', () => {
  test('are those with an entry of the attachment, with what the entry says', () => {
    expect(attachedPods([pod('web', [CLUSTER, LAN])], new Set(['lan']))).toEqual([
      {
        namespace: 'home',
        name: 'web',
        uid: 'uid-web',
        attachment: 'lan',
        interface: 'net1',
        mac: '02:aa:00:00:00:02',
        ips: ['10.9.0.2'],
      },
    ]);
  });

  test('have one entry per link, also twice on one attachment and through the NAD of another namespace', () => {
    const entries = [LAN, { ...LAN, interface: 'net2' }, { ...LAN, name: 'shared/iot', interface: 'net3' }];
    const found = attachedPods([pod('web', entries)], new Set(['lan', 'iot']));
    expect(found.map((item) => `${item.attachment} ${item.interface}`)).toEqual(['iot net3', 'lan net1', 'lan net2']);
  });

  test('are sorted whatever the order of the pods', () => {
    const pods = [pod('b', [LAN]), pod('a', [LAN])];
    expect(attachedPods(pods, new Set(['lan']))).toEqual(attachedPods(pods.toReversed(), new Set(['lan'])));
  });

  test('are no pods that have ended', () => {
    const pods = ['Succeeded', 'Failed', 'Pending'].map((phase) => pod(phase, [LAN], phase));
    expect(attachedPods(pods, new Set(['lan'])).map((item) => item.name)).toEqual(['Pending']);
  });

  test('are not on a NAD of the same name that somebody else made', () => {
    const entries = [LAN, { ...LAN, name: 'work/lan', interface: 'net2' }];
    const isForeign = (namespace: string, name: string) => `${namespace}/${name}` === 'work/lan';
    const found = attachedPods([pod('web', entries)], new Set(['lan']), isForeign);
    expect(found.map((item) => item.interface)).toEqual(['net1']);
  });

  test('are on no network of somebody else', () => {
    expect(
      attachedPods([pod('web', [CLUSTER, { ...LAN, name: 'lan' }, { ...LAN, name: 'a/b/lan' }])], new Set(['lan'])),
    ).toEqual([]);
    expect(attachedPods([pod('web', [LAN])], new Set(['other']))).toEqual([]);
  });
});

describe('a network-status annotation', () => {
  const nonsense = [undefined, '', 'null', '{}', '"text"', '[1, null, "a", {"ips": []}]', '[{"name": 7}]', '[{]'];
  test.each(nonsense)('that makes no sense has no entries: %s', (text) => {
    expect(parseNetworkStatus(text)).toEqual([]);
  });

  test('gives at most so much: addresses that are none, and all beyond the sixteenth, are left out', () => {
    const ips = [
      'x'.repeat(1000),
      '10.0.0.1',
      '10.0.0.1',
      'fd00::1/64',
      ...Array.from({ length: 40 }, (_, i) => `10.0.1.${i}`),
    ];
    const [entry] = parseNetworkStatus(JSON.stringify([{ name: 'a/b', ips, interface: 'n'.repeat(16) }]));
    expect(entry?.ips).toHaveLength(16);
    expect(entry?.ips).toEqual(expect.arrayContaining(['10.0.0.1', 'fd00::1', '10.0.1.0']));
    expect(entry?.interface).toBe('');
    const many = Array.from({ length: 1000 }, () => ({ name: 'a/b' }));
    expect(parseNetworkStatus(JSON.stringify(many))).toHaveLength(64);
    expect(parseNetworkStatus(JSON.stringify([{ name: 'a/b', comment: 'x'.repeat(70_000) }]))).toEqual([]);
  });

  test('loses only what makes no sense', () => {
    const text = JSON.stringify([{ name: 'a/b', ips: ['10.0.0.1/24', 7, null], mac: 'no', interface: 5 }]);
    expect(parseNetworkStatus(text)).toEqual([{ name: 'a/b', interface: '', mac: '', ips: ['10.0.0.1'] }]);
  });
});
