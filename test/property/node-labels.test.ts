// What holds for the labels of every node, not only for the examples in the unit tests.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Node } from '../../src/api/kube.ts';
import { type NodeFacts, planNode } from '../../src/domain/attachment/node-membership.ts';
import { attachment, deleted, node, nodeEntry, nodeState } from '../support/builders.ts';

const names = ['lan', 'wan', 'lab'];
const label = fc.constantFrom(
  ['macvlan.dev/agent', 'true'],
  ['macvlan.dev/dhcp', 'true'],
  ['attachment.macvlan.dev/lan', 'ready'],
  ['attachment.macvlan.dev/wan', 'no'],
  ['attachment.macvlan.dev/long-gone', 'ready'],
  ['rack', '7'],
);
const attachments = fc.subarray([
  attachment(),
  attachment({ name: 'wan', spec: { nodeSelector: { matchLabels: { rack: '7' } } } }),
  deleted({ name: 'lab', status: { phase: 'Cleaning' } }),
]);
const entries = fc
  .subarray(names)
  .chain((some) =>
    fc.tuple(
      ...some.map((name) =>
        fc.constantFrom('Ready', 'Pending', 'Failed').map((phase) => nodeEntry({ name, phase: phase as 'Ready' })),
      ),
    ),
  );

const anyFacts: fc.Arbitrary<NodeFacts> = fc
  .record({ labels: fc.uniqueArray(label), attachments, entries, idleMs: fc.nat(5000) })
  .map(({ labels, entries: own, ...rest }) => ({
    ...rest,
    node: node('a', { labels: Object.fromEntries(labels) }),
    state: nodeState('a', own),
  }));

function patched(found: Node, changes: Readonly<Record<string, string | null>>): Node {
  const labels = Object.entries({ ...found.metadata.labels, ...changes }).filter(([, value]) => value !== null);
  return { ...found, metadata: { ...found.metadata, labels: Object.fromEntries(labels) as Record<string, string> } };
}

test('after one patch a node has all the labels that it should have: a second one would be empty', () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      if (facts.node === undefined) return;
      const after = { ...facts, node: patched(facts.node, planNode(facts).labels) };
      expect(planNode(after).labels).toEqual({});
    }),
  );
});

test("a patch touches nobody else's labels", () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      for (const key of Object.keys(planNode(facts).labels)) {
        expect(key).toMatch(/^(macvlan\.dev\/(agent|dhcp)$|attachment\.macvlan\.dev\/)/);
      }
    }),
  );
});
