// What holds nobody back, and is worth a word: where frames may be filtered, and what else lives on the node.
import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../../../src/api/kube.ts';
import type { ProbeFinding } from '../../../../../src/domain/parent/mac-filter.ts';
import type { PreflightFacts } from '../../../../../src/domain/parent/preflight/facts.ts';
import { FILTERING_DRIVERS } from '../../../../../src/domain/parent/preflight/filtering.ts';
import { arpRespondersAmong } from '../../../../../src/domain/parent/preflight/host.ts';
import { attachment } from '../../../../support/builders.ts';
import { link } from '../../../../support/network.ts';
import { preflightOf } from '../../../../support/preflight.ts';

function warningsOf(init: Partial<PreflightFacts> = {}) {
  const { problems, warnings } = preflightOf(init);
  expect(problems).toEqual([]);
  for (const { severity, remedy } of warnings) {
    expect(severity).toBe('Warning');
    expect(remedy).toMatch(/^[A-Z].*\.$/);
  }
  return warnings;
}
const reasonsOf = (init: Partial<PreflightFacts>) => warningsOf(init).map(({ reason }) => reason);
const found = (verdict: ProbeFinding['verdict']): ProbeFinding => ({ verdict, gateway: '10.9.0.254' });

describe('a NIC whose other side may filter MAC addresses', () => {
  test.each([...FILTERING_DRIVERS.keys()])('is warned of by its driver %s', (driver) => {
    const [warning, ...more] = warningsOf({ parent: link({ driver }) });
    expect(warning).toMatchObject({ reason: 'MacFilteringLikely', message: expect.stringContaining(driver) });
    expect(more).toEqual([]);
  });

  test.each(['virtio_net', 'e1000', 'igc', undefined])('is not guessed at by the driver %s', (driver) => {
    expect(reasonsOf({ parent: link(driver === undefined ? {} : { driver }) })).toEqual([]);
  });

  test.each(['ena', 'gve', 'mana'])(
    'in a cloud (%s) is the wrong place for macvlan, and the remedy says so',
    (driver) => {
      expect(warningsOf({ parent: link({ driver }) })[0]?.remedy).toMatch(/wrong tool.*IPVLAN/);
    },
  );

  test('is warned of below a VLAN, a bond and a bridge too', () => {
    const nic = link({ driver: 'vmxnet3', master: 3 });
    const bond = link({ ifindex: 3, name: 'bond0', kind: 'bond', bondMode: 'active-backup' });
    const vlan = link({ ifindex: 4, name: 'bond0.7', kind: 'vlan', lower: 3, master: 5 });
    const bridge = link({ ifindex: 5, name: 'br0', kind: 'bridge' });
    const links = [nic, bond, vlan, bridge];
    for (const parent of [bond, vlan, bridge]) expect(reasonsOf({ parent, links })).toEqual(['MacFilteringLikely']);
  });

  test('is warned of no longer once a probe has got through', () => {
    const parent = link({ driver: 'vmxnet3' });
    expect(warningsOf({ parent })[0]?.remedy).toContain('macFilterProbe');
    expect(reasonsOf({ parent, probe: found('Open') })).toEqual([]);
    expect(warningsOf({ parent, probe: found('Unclear') })[0]?.remedy).not.toContain('macFilterProbe');
  });

  test('is suspected once the gateway has answered the NIC alone, with the remedy of its hypervisor', () => {
    const [vmware, ...more] = warningsOf({ parent: link({ driver: 'vmxnet3' }), probe: found('Filtered') });
    expect(more).toEqual([]);
    expect(vmware).toMatchObject({ reason: 'MacFilteringSuspected', message: expect.stringContaining('10.9.0.254') });
    expect(vmware?.remedy).toContain('forged transmits');
    const [unknown] = warningsOf({ parent: link({ driver: 'virtio_net' }), probe: found('Filtered') });
    expect(unknown?.remedy).toContain('port security');
    expect(reasonsOf({ probe: found('Unclear') })).toEqual([]);
    expect(reasonsOf({ probe: found('Open') })).toEqual([]);
  });
});

describe('a system that looks after its network by itself', () => {
  test.each([
    ['TrueNAS', { osImage: 'Debian GNU/Linux 12 (bookworm)', kernelVersion: '6.12.15-production+truenas' }],
    ['Unraid', { osImage: 'Slackware 15.0 x86_64', kernelVersion: '6.12.24-Unraid' }],
  ])('is recognised as %s, and the remedy names a VM', (name, system) => {
    const [warning] = warningsOf({ system });
    expect(warning).toMatchObject({ reason: 'ApplianceHost', message: expect.stringContaining(name) });
    expect(warning?.remedy).toContain('VM');
  });

  test('is not seen where the node does not say what it runs', () => {
    expect(reasonsOf({ system: { osImage: '', kernelVersion: '' } })).toEqual([]);
  });
});

describe('a load balancer that answers ARP on every link', () => {
  const shim = link({ ifindex: 7, name: 'mvs-abcdefghijk', kind: 'macvlan', lower: 2, egress: 'Open' });
  const init: Partial<PreflightFacts> = {
    attachment: attachment({ spec: { hostAccess: { type: 'Routed' } } }),
    links: [link(), shim],
    arpResponders: ['The speaker of MetalLB'],
  };

  test('is warned of beside a shim, with what to write where', () => {
    const [warning] = warningsOf(init);
    expect(warning).toMatchObject({ reason: 'ArpResponderOnShim', message: expect.stringContaining(shim.name) });
    expect(warning?.remedy).toContain('^mvs-.*');
  });

  test.each<[string, Partial<PreflightFacts>]>([
    ['there is none', { arpResponders: [] }],
    ['the attachment has no host access', { attachment: attachment() }],
    ['there is no shim (yet)', { links: [link()] }],
    ['the shim is on another NIC', { links: [link(), { ...shim, lower: 3 }] }],
    ['the shim is down', { links: [link(), { ...shim, isUp: false }] }],
    ['what leaves the shim is filtered', { links: [link(), { ...shim, egress: ['02:00:00:00:00:01'] }] }],
    ['nobody listens for ARP on the shim, since it was excluded', { arpListeners: new Set([2]) }],
  ])('is no matter when %s', (_, more) => {
    expect(reasonsOf({ ...init, ...more })).toEqual([]);
  });

  test('is warned of where it is seen listening on the shim', () => {
    expect(reasonsOf({ ...init, arpListeners: new Set([2, 7]) })).toEqual(['ArpResponderOnShim']);
  });

  const pod = (labels: Record<string, string>, phase = 'Running'): Pod => ({
    metadata: { name: 'p', labels },
    spec: {},
    status: { phase },
  });
  test.each<[string, Pod, number]>([
    ['by the labels of the manifests', pod({ app: 'metallb', component: 'speaker' }), 1],
    [
      'by those of the Helm chart',
      pod({ 'app.kubernetes.io/name': 'metallb', 'app.kubernetes.io/component': 'speaker' }),
      1,
    ],
    ['and not its controller', pod({ app: 'metallb', component: 'controller' }), 0],
    ['and not the speaker of something else', pod({ app: 'other', component: 'speaker' }), 0],
    ['and not one that has ended', pod({ app: 'metallb', component: 'speaker' }, 'Failed'), 0],
    ['and no pod without labels', { metadata: { name: 'p' }, spec: {} }, 0],
  ])('is recognised %s', (_, candidate, count) => {
    expect(arpRespondersAmong([candidate])).toHaveLength(count);
  });
});
