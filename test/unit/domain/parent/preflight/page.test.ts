// The page on the preflight and the lists of checks are one: neither has a check that the other lacks, and each says what it says.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { isProblemCode } from '../../../../../src/domain/attachment/problem-order.ts';
import { CANDIDATE_CHECKS } from '../../../../../src/domain/parent/candidate.ts';
import type { PreflightFacts } from '../../../../../src/domain/parent/preflight/facts.ts';
import { FILTERING_DRIVERS } from '../../../../../src/domain/parent/preflight/filtering.ts';
import { PREFLIGHT_CHECKS } from '../../../../../src/domain/parent/preflight/list.ts';
import { attachment } from '../../../../support/builders.ts';
import { link } from '../../../../support/network.ts';

const PAGE = readFileSync('docs/reference/preflight.md', 'utf8');

/** The cells of a section's table, without its head. */
function rowsUnder(heading: string): readonly (readonly string[])[] {
  const section = PAGE.split('\n## ').find((text) => text.startsWith(heading)) ?? '';
  const [, , ...rows] = [...section.matchAll(/^\| (.+) \|$/gm)].map(([, row = '']) => row.split(' | '));
  return rows;
}

const named = (rows: readonly (readonly string[])[]) => rows.map(([check = '']) => check.replaceAll('`', ''));

/** One state of affairs per check against which it objects. */
const OBJECTIONS: Readonly<Record<string, Partial<PreflightFacts>>> = {
  parentIsConnected: { parent: link({ hasCarrier: false }) },
  parentIsWired: { parent: link({ isWireless: true }) },
  bondKeepsMacs: { parent: link({ kind: 'bond', bondMode: 'balance-alb' }) },
  mtuFits: { attachment: attachment({ spec: { mtu: 9000 } }) },
  pluginsAreThere: { missingPlugins: ['macvlan'] },
  aliasIsFree: { links: [link({ name: 'mva-lan' })] },
  driverLetsMacsThrough: { parent: link({ driver: 'vmxnet3' }) },
  probeIsAnswered: { probe: { verdict: 'Filtered', gateway: '192.0.2.1' } },
  hostLeavesNetworkAlone: { system: { osImage: '', kernelVersion: '6.12.15-production+truenas' } },
  nobodyAnswersOnShim: {
    attachment: attachment({ spec: { hostAccess: { type: 'Routed' } } }),
    links: [link(), link({ ifindex: 7, name: 'mvs-abcdefghijk', kind: 'macvlan', lower: 2 })],
    arpResponders: ['The speaker of MetalLB'],
  },
};

function factsOf(init: Partial<PreflightFacts>): PreflightFacts {
  const parent = init.parent ?? link();
  const common = { attachment: attachment(), parent, alias: 'mva-lan', links: [parent], missingPlugins: [] };
  return { ...common, system: { osImage: '', kernelVersion: '' }, arpResponders: [], ...init };
}

describe('the page on the preflight', () => {
  test('has every check of links that can be a parent, in their order', () => {
    expect(named(rowsUnder('Which links'))).toEqual(CANDIDATE_CHECKS.map(({ name }) => name));
  });

  test('has every check of the chosen NIC, in their order', () => {
    expect(named(rowsUnder('The chosen NIC'))).toEqual(PREFLIGHT_CHECKS.map(({ name }) => name));
  });

  test('has every driver whose other side usually filters', () => {
    const drivers = rowsUnder('Drivers').flatMap(([cell = '']) => cell.replaceAll('`', '').split(', '));
    expect(drivers).toEqual([...FILTERING_DRIVERS.keys()]);
  });

  test('says how each thing is found out, and names reasons that there are', () => {
    for (const heading of ['Which links', 'The chosen NIC', 'Those who share']) {
      for (const [, how, reason = '', remedy] of rowsUnder(heading)) {
        expect(how).not.toBe('');
        expect(remedy).not.toBe('');
        expect(isProblemCode(/^`(\w+)`/.exec(reason)?.[1] ?? '')).toBe(true);
      }
    }
  });

  test.each(PREFLIGHT_CHECKS.map((check) => [check.name, check] as const))('is right about %s', (name, check) => {
    const objection = OBJECTIONS[name];
    if (objection === undefined) throw new Error(`say in this test what ${name} objects to`);
    const problem = check(factsOf(objection));
    expect(check(factsOf({}))).toBeUndefined();
    const row = rowsUnder('The chosen NIC').find(([cell]) => cell === `\`${name}\``);
    const warns = problem?.severity === 'Warning' ? ' (warns)' : '';
    expect(row?.[2]).toBe(`\`${problem?.reason}\`${warns}`);
    // Where the page names another tool, so does the remedy.
    if (row?.[4]?.includes('IPVLAN') === true) expect(problem?.remedy).toMatch(/IPVLAN|VM/);
  });
});
