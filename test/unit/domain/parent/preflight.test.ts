// Each check of the preflight, with its remedy.
import { describe, expect, test } from '@jest/globals';
import type { MacvlanAttachmentSpec } from '../../../../src/api/v1alpha1/attachment.ts';
import { type PreflightFacts, pluginsFor, preflight } from '../../../../src/domain/parent/preflight.ts';
import { attachment } from '../../../support/builders.ts';
import { link } from '../../../support/network.ts';

function check(init: Partial<PreflightFacts> = {}) {
  const parent = init.parent ?? link();
  return preflight({
    attachment: attachment(),
    parent,
    alias: 'mva-lan',
    links: [parent],
    missingPlugins: [],
    ...init,
  });
}

describe('preflight', () => {
  test('has nothing to say about a good NIC', () => {
    expect(check()).toEqual([]);
  });

  test('tells a missing cable from a NIC that is switched off', () => {
    const [cable] = check({ parent: link({ hasCarrier: false }) });
    expect(cable).toMatchObject({ reason: 'ParentDown', message: 'eth0 has no carrier.' });
    const [off] = check({ parent: link({ isUp: false, hasCarrier: false }) });
    expect(off).toMatchObject({ reason: 'ParentDown', message: 'eth0 is switched off.' });
    expect(off?.remedy).toContain('ip link set eth0 up');
  });

  test('refuses an MTU above that of the parent, and takes one that is equal', () => {
    const [problem] = check({ attachment: attachment({ spec: { mtu: 9000 } }) });
    expect(problem).toMatchObject({
      reason: 'MtuTooLarge',
      message: 'The attachment wants an MTU of 9000, but eth0 has 1500.',
    });
    expect(check({ attachment: attachment({ spec: { mtu: 1500 } }) })).toEqual([]);
  });

  test('names the plugins that are missing', () => {
    const [problem] = check({ missingPlugins: ['macvlan', 'dhcp'] });
    expect(problem).toMatchObject({
      reason: 'CniPluginMissing',
      message: 'The node lacks the CNI plugin macvlan and dhcp.',
    });
  });

  test('refuses an alias that is the name of a device, and not one that is an altname', () => {
    const links = [link(), link({ ifindex: 3, name: 'mva-lan' })];
    expect(check({ links })).toMatchObject([{ reason: 'AliasTaken' }]);
    expect(check({ links: [link({ altNames: ['mva-lan'] })] })).toEqual([]);
  });

  test('tells everything at once, in order', () => {
    const parent = link({ hasCarrier: false });
    const problems = check({ parent, attachment: attachment({ spec: { mtu: 9000 } }), missingPlugins: ['dhcp'] });
    expect(problems.map((problem) => problem.reason)).toEqual(['ParentDown', 'MtuTooLarge', 'CniPluginMissing']);
    for (const problem of problems) expect(problem.remedy).toMatch(/^[A-Z].*\.$/);
  });
});

describe('the plugins that an attachment needs are macvlan', () => {
  const ranges = [{ subnet: '192.0.2.0/24' }];
  test.each<[string, Partial<MacvlanAttachmentSpec>, readonly string[]]>([
    ['and dhcp for DHCP', {}, ['dhcp']],
    ['and nothing for a link without addresses', { ipam: { type: 'None' } }, []],
    ['and static for addresses that come with the pod', { ipam: { type: 'Static' } }, ['static']],
    ['and static for a pool', { ipam: { type: 'Pool', pool: { ranges } } }, ['static']],
    ['and host-local for ranges of the node', { ipam: { type: 'HostLocal', hostLocal: { ranges } } }, ['host-local']],
    [
      'and the one that the user names',
      { ipam: { type: 'Raw', raw: { config: { type: 'whereabouts' } } } },
      ['whereabouts'],
    ],
    [
      'and those of the chain, each once',
      { chain: [{ type: 'tuning' }, { type: 'sbr' }, { type: 'dhcp' }] },
      ['dhcp', 'tuning', 'sbr'],
    ],
  ])('%s', (_, spec, others) => {
    expect(pluginsFor(attachment({ spec }))).toEqual(['macvlan', ...others]);
  });
});
