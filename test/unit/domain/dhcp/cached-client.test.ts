import { describe, expect, test } from '@jest/globals';
import { formatConfig } from '../../../../src/domain/attachment/network-definition.ts';
import { configFor, parseCachedClient } from '../../../../src/domain/dhcp/cached-client.ts';
import { attachment } from '../../../support/builders.ts';

const decode = (base64: string) => Buffer.from(base64, 'base64').toString('utf8');
const encode = (text: string) => Buffer.from(text).toString('base64');
const NETNS = '/var/run/netns/cni-1';

function file(change: Readonly<Record<string, unknown>> = {}, config = formatConfig(attachment())): string {
  return JSON.stringify({
    kind: 'cniCacheV1',
    containerId: 'abc',
    config: encode(config),
    ifName: 'net1',
    networkName: 'lan',
    netns: NETNS,
    cniArgs: [
      ['IgnoreUnknown', 'true'],
      ['MAC', '02:4d:00:00:00:07'],
    ],
    result: { cniVersion: '1.0.0', ips: [{ address: '192.0.2.200/24', interface: 0 }] },
    ...change,
  });
}

test('a file tells all that the plugin was called with', () => {
  expect(parseCachedClient(file(), decode)).toEqual({
    container: 'abc',
    network: 'lan',
    interface: 'net1',
    netns: NETNS,
    cniArgs: 'IgnoreUnknown=true;MAC=02:4d:00:00:00:07',
    config: expect.objectContaining({ type: 'macvlan', name: 'lan', cniVersion: '1.0.0' }),
    address: '192.0.2.200/24',
  });
});

test('the plugin is led to the socket as its caller sees it, and nothing else of the configuration changes', () => {
  const client = parseCachedClient(file(), decode);
  const config = client === undefined ? {} : (JSON.parse(configFor(client, '/host/run/dhcp.sock')) as object);
  expect(config).toMatchObject({
    name: 'lan',
    ipam: { type: 'dhcp', daemonSocketPath: '/host/run/dhcp.sock', provide: expect.any(Array) },
  });
});

describe('not a client of ours is', () => {
  const external = attachment({ spec: { ipam: { type: 'DHCP', dhcp: { daemon: { type: 'External' } } } } });
  test.each<[string, string]>([
    ['a link with a daemon of somebody else', file({}, formatConfig(external))],
    ['a link without addresses', file({}, formatConfig(attachment({ spec: { ipam: { type: 'None' } } })))],
    ['a file without a container', file({ containerId: '' })],
    ['a file without a namespace', file({ netns: undefined })],
    ['half a file', file().slice(0, 100)],
    ['a file with a configuration that is none', file({ config: 'e30' })],
    ['nothing', ''],
  ])('%s', (_, text) => {
    expect(parseCachedClient(text, decode)).toBeUndefined();
  });
});
