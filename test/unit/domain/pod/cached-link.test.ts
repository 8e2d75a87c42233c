// CNI's result cache as Multus leaves it: what is read from it, and what is not taken for a link.
import { describe, expect, test } from '@jest/globals';
import { formatConfig } from '../../../../src/domain/attachment/network-definition.ts';
import { parseCachedLink } from '../../../../src/domain/pod/cached-link.ts';
import { attachment } from '../../../support/builders.ts';

const NETNS = '/var/run/netns/cni-1';
const decode = (text: string): string => Buffer.from(text, 'base64').toString();
const encode = (config: unknown): string =>
  Buffer.from(typeof config === 'string' ? config : JSON.stringify(config)).toString('base64');

/** A file as real Multus wrote it, in its order and with its repetitions. */
function file(change: Readonly<Record<string, unknown>> = {}): string {
  const names = [
    ['IgnoreUnknown', 'true'],
    ['K8S_POD_NAMESPACE', 'default'],
    ['K8S_POD_NAME', 'web'],
    ['K8S_POD_INFRA_CONTAINER_ID', 'abc'],
    ['K8S_POD_UID', 'uid'],
  ];
  return JSON.stringify({
    cniArgs: [...names, ['IgnoreUnknown', '1'], ...names.slice(1)],
    config: encode(formatConfig(attachment({ spec: { ipam: { type: 'Static' }, mtu: 1400 } }))),
    containerId: 'abc',
    ifName: 'net1',
    kind: 'cniCacheV1',
    netns: NETNS,
    networkName: 'lan',
    result: {
      cniVersion: '1.0.0',
      interfaces: [{ mac: '8A:b4:31:39:67:85', name: 'net1', sandbox: NETNS }],
      ips: [
        { address: '192.0.2.107/24', gateway: '192.0.2.1', interface: 0 },
        { address: '2001:db8::7/64', interface: 0 },
      ],
      routes: [
        { dst: '198.51.100.0/24', gw: '192.0.2.9', priority: 50 },
        { dst: '0.0.0.0/0' },
        { dst: '2001:db8:1::/48' },
      ],
    },
    ...change,
  });
}

const result = (change: Readonly<Record<string, unknown>>) =>
  file({ result: { ...(JSON.parse(file()) as { result: object }).result, ...change } });

test('a file tells of the pod, the namespace, the settings, and of addresses and routes in full', () => {
  expect(parseCachedLink(file(), decode)).toEqual({
    namespace: 'default',
    name: 'web',
    uid: 'uid',
    container: 'abc',
    attachment: 'lan',
    interface: 'net1',
    netns: NETNS,
    mac: '8a:b4:31:39:67:85',
    addresses: [
      { address: '192.0.2.107', prefixLength: 24 },
      { address: '2001:db8::7', prefixLength: 64 },
    ],
    routes: [
      { destination: '198.51.100.0', prefixLength: 24, gateway: '192.0.2.9', metric: 50 },
      // As the plugins do: by the router of the address of that family, and directly where there is none.
      { destination: '0.0.0.0', prefixLength: 0, gateway: '192.0.2.1' },
      { destination: '2001:db8:1::', prefixLength: 48 },
    ],
    settings: {
      master: 'mva-lan',
      mode: 'bridge',
      mtu: 1400,
      ipam: 'static',
      chained: [],
      fingerprint: expect.any(String),
    },
  });
});

test('what belongs to another link of the answer is left out', () => {
  const interfaces = [
    { name: 'net1', mac: '02:00:00:00:00:01' },
    { name: 'net1', mac: '02:00:00:00:00:02', sandbox: NETNS },
  ];
  const ips = [
    { address: '10.0.0.1/24', interface: 0 },
    { address: '10.0.0.2/24', interface: 1 },
    { address: '10.0.0.3/24' },
  ];
  expect(parseCachedLink(result({ interfaces, ips }), decode)).toMatchObject({
    mac: '02:00:00:00:00:02',
    addresses: [{ address: '10.0.0.2' }, { address: '10.0.0.3' }],
  });
});

describe('no link is', () => {
  test.each([
    ['text that is no JSON', '{"kind":'],
    ['JSON that is no object', '[1]'],
    ['null', 'null'],
    ['a link that another plugin made', file({ config: encode({ name: 'lan', plugins: [{ type: 'bridge' }] }) })],
    ['a configuration that is no JSON', file({ config: encode('nonsense') })],
    ['a file without a configuration', file({ config: undefined })],
    ['a container that is no pod', file({ cniArgs: [['IgnoreUnknown', '1']] })],
    ['a file without arguments', file({ cniArgs: 'none' })],
    ['a file without a namespace', file({ netns: '' })],
  ])('%s', (_, text) => {
    expect(parseCachedLink(text, decode)).toBeUndefined();
  });
});

describe('what makes no sense is left out:', () => {
  test.each([
    ['addresses without a prefix length', { ips: [{ address: '10.0.0.1' }] }, { addresses: [] }],
    ['prefix lengths that do not fit', { ips: [{ address: '10.0.0.1/33' }] }, { addresses: [] }],
    ['words', { ips: [{ address: 'ten/8' }, 5, null] }, { addresses: [] }],
    ['routes without a destination', { routes: [{ gw: '10.0.0.1' }] }, { routes: [] }],
    ['lists that are none', { ips: 'x', routes: {}, interfaces: 7 }, { addresses: [], routes: [], mac: '' }],
  ])('%s', (_, change, expected) => {
    expect(parseCachedLink(result(change), decode)).toMatchObject(expected);
  });
});
