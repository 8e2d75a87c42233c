// From the bytes of a node's kernel to what a user reads: nodes with devices that the kernel of the tests lacks.
import { describe, expect, test } from '@jest/globals';
import { decideParent } from '../../../../../src/domain/parent/match.ts';
import { preflight } from '../../../../../src/domain/parent/preflight/list.ts';
import type { Problem } from '../../../../../src/domain/problem.ts';
import { attachment } from '../../../../support/builders.ts';
import { type Host, hostNames, readHost } from '../../../../support/hosts.ts';
import { network } from '../../../../support/network.ts';

function problemsOf({ links, parent, node }: Host): readonly Problem[] {
  const lan = attachment({ spec: { parents: [{ interface: { name: parent } }] } });
  const decision = decideParent(lan, {}, network({ links, addresses: [], routes: [] }), undefined);
  if (decision.type === 'None') return [decision.problem];
  const { problems, warnings } = preflight({
    attachment: lan,
    parent: decision.link,
    alias: 'mva-lan',
    links,
    missingPlugins: [],
    system: node,
    arpResponders: [],
  });
  return [...problems, ...warnings];
}

describe('the preflight on a host', () => {
  test.each(hostNames())('%s says what there is to say', async (name) => {
    const host = await readHost(name);
    const problems = problemsOf(host);
    expect(problems.map(({ reason }) => reason)).toEqual(host.expect);
    for (const { remedy } of problems) expect(remedy).toMatch(/^[A-Z].*\.$/);
  });

  test.each([
    ['wifi', 'wlp2s0', 'IPVLAN'],
    ['bond-alb', 'balance-alb', 'IPVLAN'],
    ['aws', 'ena', 'IPVLAN'],
    ['vmware', 'vmxnet3', 'IPVLAN'],
    ['truenas', 'TrueNAS', 'VM'],
    ['unraid', 'Unraid', 'VM'],
  ])('%s names what it is (%s) and what to use instead (%s)', async (name, what, instead) => {
    const [problem] = problemsOf(await readHost(name));
    expect(problem?.message).toContain(what);
    expect(problem?.remedy).toContain(instead);
  });
});
