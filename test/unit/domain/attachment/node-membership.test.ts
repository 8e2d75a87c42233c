import { describe, expect, test } from '@jest/globals';
import { type NodeFacts, type NodePlan, planNode } from '../../../../src/domain/attachment/node-membership.ts';
import { attachment, deleted, node, nodeEntry, nodeState } from '../../../support/builders.ts';

const labelled = node('a', { labels: { 'macvlan.dev/agent': 'true' } });
const bare = node('a');
const base: NodeFacts = { node: bare, attachments: [], state: undefined, idleMs: 0 };
const elsewhere = attachment({ spec: { nodeSelector: { matchLabels: { lan: 'yes' } } } });
const shim = { name: 'mvs-1', mac: '02:00:00:00:00:01', parent: 'eth0', attachments: [] };
const keep: NodePlan = { label: 'Keep', state: 'Keep', recheckMs: undefined };

describe('a node', () => {
  test.each<[string, Partial<NodeFacts>, Partial<NodePlan>]>([
    ['is left alone when nothing concerns it', {}, keep],
    ['is labelled when an attachment takes it', { attachments: [elsewhere, attachment()] }, { label: 'PutOn' }],
    ['is left alone when it is labelled already', { node: labelled, attachments: [attachment()] }, keep],
    ['is not labelled for an attachment that takes others', { attachments: [elsewhere] }, keep],
    [
      'loses the label when no attachment takes it and nothing is left',
      { node: labelled },
      { label: 'TakeOff', state: 'Keep' },
    ],
    ['keeps the label while its state has an entry', { node: labelled, state: nodeState('a', [nodeEntry()]) }, keep],
    [
      'keeps the label while its state has a shim',
      { node: labelled, state: nodeState('a', [], { shims: [shim] }) },
      keep,
    ],
    ['gets the label back when something is left on it', { state: nodeState('a', [nodeEntry()]) }, { label: 'PutOn' }],
    [
      'keeps the label while pods hold up a deletion',
      { node: labelled, attachments: [deleted({ status: { phase: 'Draining' } })] },
      keep,
    ],
    [
      'is not asked for by an attachment that is being cleaned up',
      { node: labelled, attachments: [deleted({ status: { phase: 'Cleaning' } })] },
      { label: 'TakeOff' },
    ],
    [
      'is not asked for by an attachment that only others hold',
      { attachments: [deleted({ metadata: { finalizers: ['other'] } })] },
      keep,
    ],
    [
      'keeps its empty state for a moment after the label went',
      { state: nodeState('a'), idleMs: 1000 },
      { state: 'Keep', recheckMs: 2000 },
    ],
    ['loses its empty state then', { state: nodeState('a'), idleMs: 3000 }, { state: 'Delete', label: 'Keep' }],
    [
      'loses its state at once when it is gone itself',
      { node: undefined, state: nodeState('a', [nodeEntry()]) },
      { state: 'Delete' },
    ],
    ['needs nothing when it is gone and has no state', { node: undefined }, keep],
  ])('%s', (_, init, expected) => {
    expect(planNode({ ...base, ...init })).toMatchObject(expected);
  });
});
