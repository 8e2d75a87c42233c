import { describe, expect, test } from '@jest/globals';
import type { MacvlanAttachmentSpec } from '../../../../src/api/v1alpha1/attachment.ts';
import type { HostLocalIpam, PoolIpam, Route } from '../../../../src/api/v1alpha1/ipam.ts';
import { hostAccessProblem, validateAttachment } from '../../../../src/domain/attachment/validate.ts';
import { attachment } from '../../../support/builders.ts';

const reasons = (spec: Partial<MacvlanAttachmentSpec>, name = 'lan') =>
  validateAttachment(attachment({ name, spec })).map((problem) => problem.reason);
const hostLocal = (ranges: HostLocalIpam['ranges'], routes: readonly Route[] = []) =>
  reasons({ ipam: { type: 'HostLocal', hostLocal: { ranges, routes } } });
const pool = (ranges: PoolIpam['ranges'], routes: readonly Route[] = []) =>
  reasons({ ipam: { type: 'Pool', pool: { ranges, routes } } });
const raw = (config: { readonly type: string }) => reasons({ ipam: { type: 'Raw', raw: { config } } });
const subnet = '192.0.2.0/24';
const v6 = '2001:db8::/64';
const gateway = '192.0.2.1';

describe('an attachment is accepted', () => {
  test.each<[string, () => readonly string[]]>([
    ['with DHCP', () => reasons({})],
    ['with one range', () => hostLocal([{ subnet, start: '192.0.2.10', end: '192.0.2.20', gateway: '192.0.2.1' }])],
    ['with a range of one address', () => hostLocal([{ subnet, start: '192.0.2.10', end: '192.0.2.10' }])],
    [
      'with two ranges of one subnet, side by side',
      () =>
        hostLocal([
          { subnet, start: '192.0.2.10', end: '192.0.2.20' },
          { subnet, start: '192.0.2.21', end: '192.0.2.30' },
        ]),
    ],
    ['with both address families', () => hostLocal([{ subnet }, { subnet: '2001:db8::/64', gateway: '2001:db8::1' }])],
    ['with a route that has a router', () => hostLocal([{ subnet }], [{ to: '10.0.0.0/8', via: '192.0.2.1' }])],
    ['with a route over the gateway', () => hostLocal([{ subnet, gateway: '192.0.2.1' }], [{ to: '0.0.0.0/0' }])],
    [
      'with a Static route without a router',
      () => reasons({ ipam: { type: 'Static', static: { routes: [{ to: '10.0.0.0/8' }] } } }),
    ],
    ['with a pool that excludes', () => pool([{ subnet, exclude: ['192.0.2.7', '192.0.2.16/28'] }])],
    [
      'with a pool of both families',
      () => pool([{ subnet }, { subnet: v6, start: '2001:db8::1', end: '2001:db8::f' }]),
    ],
    [
      'with a route over the gateway that all ranges of a pool share',
      () =>
        pool(
          [
            { subnet, end: '192.0.2.9', gateway },
            { subnet, start: '192.0.2.10', gateway },
            { subnet: v6, gateway: '2001:db8::1' },
          ],
          [{ to: '0.0.0.0/0' }, { to: '::/0' }],
        ),
    ],
    ['with a route on the link of a pool without gateway', () => pool([{ subnet }], [{ to: '10.0.0.0/8' }])],
    ['with a configuration of its own', () => raw({ type: 'whereabouts' })],
    ['with chained plugins', () => reasons({ chain: [{ type: 'tuning', Sysctl: {} }, { type: 'sbr' }] })],
    [
      'with labels and annotations of the usual forms',
      () =>
        reasons({
          networkDefinition: {
            labels: { team: 'home', 'app.kubernetes.io/part-of': 'lan' },
            annotations: { 'k8s.v1.cni.cncf.io/resourceName': 'x', 'example.org/a_b.C': '' },
          },
        }),
    ],
  ])('%s', (_, act) => {
    expect(act()).toEqual([]);
  });
});

describe('an attachment is refused', () => {
  test.each<[string, () => readonly string[], string]>([
    ['with a dot in its name', () => reasons({}, 'lan.home'), 'NameInvalid'],
    ['with a name of 64 characters', () => reasons({}, 'a'.repeat(64)), 'NameInvalid'],
    [
      'when start comes after end',
      () => hostLocal([{ subnet, start: '192.0.2.20', end: '192.0.2.10' }]),
      'RangeInvalid',
    ],
    ['when start lies outside', () => hostLocal([{ subnet, start: '198.51.100.1' }]), 'RangeInvalid'],
    ['when the gateway is of another family', () => hostLocal([{ subnet, gateway: '2001:db8::1' }]), 'RangeInvalid'],
    ['when the subnet has host bits', () => hostLocal([{ subnet: '192.0.2.1/24' }]), 'RangeInvalid'],
    [
      'when two ranges share addresses',
      () => hostLocal([{ subnet }, { subnet, start: '192.0.2.10', end: '192.0.2.20' }]),
      'RangesOverlap',
    ],
    [
      'when two IPv6 ranges share addresses, however they are written',
      () => hostLocal([{ subnet: '2001:db8::/32' }, { subnet: '2001:0db8:0:0::/64' }]),
      'RangesOverlap',
    ],
    [
      'when a route and its router differ in family',
      () => hostLocal([{ subnet }], [{ to: '2001:db8::/32', via: '192.0.2.1' }]),
      'RouteInvalid',
    ],
    [
      'when host-local would make up the router of a route',
      () => hostLocal([{ subnet }], [{ to: '10.0.0.0/8' }]),
      'RouteInvalid',
    ],
    [
      'when a pool starts after its end',
      () => pool([{ subnet: v6, start: '2001:db8::f', end: '2001:db8::1' }]),
      'RangeInvalid',
    ],
    ['when a pool excludes what it has not', () => pool([{ subnet, exclude: ['198.51.100.1'] }]), 'RangeInvalid'],
    ['when a pool excludes more than it has', () => pool([{ subnet, exclude: ['192.0.0.0/16'] }]), 'RangeInvalid'],
    ['when a pool excludes a text', () => pool([{ subnet, exclude: ['router'] }]), 'RangeInvalid'],
    ['when a pool excludes another family', () => pool([{ subnet, exclude: ['2001:db8::1'] }]), 'RangeInvalid'],
    ['when ranges of a pool share addresses', () => pool([{ subnet }, { subnet, gateway }]), 'RangesOverlap'],
    [
      'when a route of a pool could go over two gateways',
      () =>
        pool(
          [
            { subnet, gateway },
            { subnet: '198.51.100.0/24', gateway: '198.51.100.1' },
          ],
          [{ to: '10.0.0.0/8' }],
        ),
      'RouteInvalid',
    ],
    [
      'when a plugin is named twice, for CNI reads keys in any case',
      () => raw({ type: 'static', TYPE: 'host-local' } as never),
      'PluginConfigInvalid',
    ],
    [
      'when a chained plugin is named twice',
      () => reasons({ chain: [{ type: 'sbr', Type: 'macvlan' }] }),
      'PluginConfigInvalid',
    ],
    [
      'when a label has a key that none can have',
      () => reasons({ networkDefinition: { labels: { 'home automation': '' } } }),
      'MetadataInvalid',
    ],
    [
      'when an annotation has a key with two slashes',
      () => reasons({ networkDefinition: { annotations: { 'a/b/c': '' } } }),
      'MetadataInvalid',
    ],
    ['when the configuration is huge', () => raw({ type: 'x', text: 'a'.repeat(200_000) } as never), 'ConfigTooLarge'],
  ])('%s', (_, act, reason) => {
    expect(act()).toEqual([reason]);
  });

  test('with a sentence that names the range and a remedy', () => {
    const ranges = [{ subnet, start: '192.0.2.20', end: '192.0.2.10' }];
    const [problem] = validateAttachment(attachment({ spec: { ipam: { type: 'HostLocal', hostLocal: { ranges } } } }));
    expect(problem?.message).toBe('start 192.0.2.20 comes after end 192.0.2.10.');
    expect(problem?.remedy).toMatch(/^Correct /);
  });
});

describe('host access', () => {
  test('is refused outside of mode bridge, where the kernel keeps shim and pods apart', () => {
    const spec = { hostAccess: { type: 'Routed' }, mode: 'private' } as const;
    expect(hostAccessProblem(attachment({ spec }))?.reason).toBe('HostAccessModeUnsupported');
    expect(hostAccessProblem(attachment({ spec: { ...spec, mode: 'bridge' } }))).toBeUndefined();
    expect(hostAccessProblem(attachment({ spec: { mode: 'private' } }))).toBeUndefined();
  });
});
