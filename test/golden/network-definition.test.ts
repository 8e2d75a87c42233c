// What the CNI plugins get to read, byte by byte.
import { describe, expect, test } from '@jest/globals';
import type { MacvlanAttachmentSpec } from '../../src/api/v1alpha1/attachment.ts';
import { networkDefinitionFor } from '../../src/domain/attachment/network-definition.ts';
import { attachment } from '../support/builders.ts';
import { expectGolden } from './golden.ts';

const specs: Readonly<Record<string, Partial<MacvlanAttachmentSpec>>> = {
  'dhcp-by-mac': { ipam: { type: 'DHCP' } },
  'dhcp-by-pod-name': { ipam: { type: 'DHCP', dhcp: { clientId: 'PodName' } } },
  'dhcp-by-plugin': { ipam: { type: 'DHCP', dhcp: { clientId: 'Plugin' } } },
  static: {
    ipam: { type: 'Static', static: { routes: [{ to: '10.0.0.0/8', via: '192.0.2.1' }, { to: '198.51.100.0/24' }] } },
  },
  'static-without-routes': { ipam: { type: 'Static' } },
  'host-local-both-families': {
    ipam: {
      type: 'HostLocal',
      hostLocal: {
        ranges: [
          { subnet: '192.0.2.0/24', start: '192.0.2.100', end: '192.0.2.150', gateway: '192.0.2.1' },
          { subnet: '2001:db8::/64', start: '2001:db8::100' },
          { subnet: '192.0.2.0/24', start: '192.0.2.200', end: '192.0.2.250', gateway: '192.0.2.1' },
        ],
        routes: [{ to: '0.0.0.0/0' }],
      },
    },
  },
  'no-addresses-private-jumbo': { ipam: { type: 'None' }, mode: 'private', mtu: 9000 },
};

describe('the NAD of an attachment is as it was reviewed', () => {
  test.each(Object.entries(specs))('%s', (name, spec) => {
    const { spec: rendered, ...rest } = networkDefinitionFor(attachment({ spec }), 'home');
    expectGolden(`network-definition/${name}.json`, { ...rest, config: JSON.parse(rendered?.config ?? '') });
  });
});

describe('the configuration text', () => {
  test('is the same in every namespace', () => {
    const one = networkDefinitionFor(attachment(), 'home');
    const two = networkDefinitionFor(attachment(), 'shop');
    expect(one.spec?.config).toBe(two.spec?.config);
  });

  test('does not depend on the order in which the spec is written', () => {
    const ipam = { type: 'DHCP' } as const;
    const one = networkDefinitionFor(attachment({ spec: { mode: 'vepa', mtu: 1400, ipam } }), 'home');
    const two = networkDefinitionFor(attachment({ spec: { ipam, mtu: 1400, mode: 'vepa' } }), 'home');
    expect(one.spec?.config).toBe(two.spec?.config);
  });

  test('is exactly this', () => {
    expect(networkDefinitionFor(attachment(), 'home').spec?.config).toBe(
      '{"cniVersion":"1.0.0","name":"lan","plugins":[{"type":"macvlan","capabilities":{"mac":true,"ips":true},"master":"mva-lan","mode":"bridge",' +
        '"ipam":{"type":"dhcp","provide":[{"option":"dhcp-client-identifier","fromArg":"MAC"},{"option":"host-name","fromArg":"K8S_POD_NAME"}]}}]}',
    );
  });
});
