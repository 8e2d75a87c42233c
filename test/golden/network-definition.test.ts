// What the CNI plugins get to read, byte by byte.
import { describe, expect, test } from '@jest/globals';
import { networkDefinitionFor } from '../../src/domain/attachment/network-definition.ts';
import { attachment } from '../support/builders.ts';
import { expectGolden } from './golden.ts';
import { goldenSpecs } from './specs.ts';

describe('the NAD of an attachment is as it was reviewed', () => {
  test.each(Object.entries(goldenSpecs))('%s', (name, spec) => {
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

  test('does not depend on the order of keys that only a plugin knows', () => {
    const one = { a: [{ x: 1, y: { b: 2, a: 1 } }], type: 'whereabouts', range: '192.0.2.0/24' };
    const two = { range: '192.0.2.0/24', type: 'whereabouts', a: [{ y: { a: 1, b: 2 }, x: 1 }] };
    const texts = [one, two].map((config) => {
      const spec = { ipam: { type: 'Raw', raw: { config } }, chain: [config] } as const;
      return networkDefinitionFor(attachment({ spec }), 'home').spec?.config;
    });
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]).toContain('"ipam":{"type":"whereabouts","a":[{"x":1,"y":{"a":1,"b":2}}],"range":"192.0.2.0/24"}');
  });

  test('is exactly this', () => {
    expect(networkDefinitionFor(attachment(), 'home').spec?.config).toBe(
      '{"cniVersion":"1.0.0","name":"lan","plugins":[{"type":"macvlan","capabilities":{"mac":true,"ips":true},"master":"mva-lan","mode":"bridge",' +
        '"ipam":{"type":"dhcp","daemonSocketPath":"/run/macvlan-operator/dhcp.sock",' +
        '"provide":[{"option":"dhcp-client-identifier","fromArg":"MAC"},{"option":"host-name","fromArg":"K8S_POD_NAME"}]}}]}',
    );
  });
});
