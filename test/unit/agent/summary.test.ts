import { expect, test } from '@jest/globals';
import { type NodeFacts, planNode } from '../../../src/agent/plan.ts';
import { statusFor } from '../../../src/agent/status.ts';
import { attachment, node, nodeEntry, nodeState } from '../../support/builders.ts';
import { link, loopback, network } from '../../support/network.ts';

const wan = attachment({ name: 'wan', spec: { parents: [{ interface: { name: 'eth7' } }] } });
const withAlias = network({ links: [loopback(), link({ altNames: ['mva-lan'] })] });

/** The summary of a node where `lan` and `wan` have been announced. */
function summaryOf(init: Partial<NodeFacts>): string | undefined {
  const facts: NodeFacts = {
    node: node('a'),
    bootId: 'boot',
    attachments: [],
    pods: [],
    state: nodeState('a', [nodeEntry(), nodeEntry({ name: 'wan' })]),
    network: network(),
    missingPlugins: new Set(),
    choices: new Map(),
    ...init,
  };
  return statusFor(
    { facts, plan: planNode(facts), refusals: [], changes: 0, isSettled: true, contested: new Set() },
    '1',
  ).summary;
}

test.each<[string, Partial<NodeFacts>, string]>([
  ['each attachment that is ready, among all', { attachments: [attachment(), wan], network: withAlias }, '1/2'],
  ['none as ready whose alias is not on yet', { attachments: [attachment()] }, '0/1'],
  ['one that is being cleaned up, while something of it is left', { network: withAlias }, '0/1'],
  ['nothing when nothing is left', {}, '0/0'],
])("a node's summary counts %s", (_what, init, expected) => {
  expect(summaryOf(init)).toBe(expected);
});
