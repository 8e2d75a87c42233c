// What stands in the way of a parent: each check with its remedy.
import { describe, expect, test } from '@jest/globals';
import type { PreflightFacts } from '../../../../../src/domain/parent/preflight/facts.ts';
import { attachment } from '../../../../support/builders.ts';
import { link } from '../../../../support/network.ts';
import { preflightOf } from '../../../../support/preflight.ts';

const check = (init: Partial<PreflightFacts> = {}) => preflightOf(init).problems;

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
      message: 'The node lacks the CNI plugins macvlan and dhcp.',
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
