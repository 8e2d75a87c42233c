import { describe, expect, test } from '@jest/globals';
import type { MacvlanAttachmentSpec } from '../../../../src/api/v1alpha1/attachment.ts';
import type { HostLocalIpam, Route } from '../../../../src/api/v1alpha1/ipam.ts';
import { hostAccessProblem, validateAttachment } from '../../../../src/domain/attachment/validate.ts';
import { attachment } from '../../../support/builders.ts';

const reasons = (spec: Partial<MacvlanAttachmentSpec>, name = 'lan') =>
  validateAttachment(attachment({ name, spec })).map((problem) => problem.reason);
const hostLocal = (ranges: HostLocalIpam['ranges'], routes: readonly Route[] = []) =>
  reasons({ ipam: { type: 'HostLocal', hostLocal: { ranges, routes } } });
const subnet = '192.0.2.0/24';

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
