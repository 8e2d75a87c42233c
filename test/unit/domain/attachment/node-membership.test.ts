import { describe, expect, test } from '@jest/globals';
import type { LabelSelector } from '../../../../src/api/kube.ts';
import { matchesNode } from '../../../../src/domain/attachment/facts.ts';
import { type NodeFacts, type NodePlan, planNode } from '../../../../src/domain/attachment/node-membership.ts';
import { readyLabelFor } from '../../../../src/domain/attachment/ready-labels.ts';
import {
  type AttachmentInit,
  attachment as any,
  deleted as anyDeleted,
  node,
  nodeEntry,
  nodeState,
} from '../../../support/builders.ts';

/** Of a kind that needs no DHCP daemon. */
const plain = (init: AttachmentInit): AttachmentInit => ({ ...init, spec: { ipam: { type: 'None' }, ...init.spec } });
const attachment = (init: AttachmentInit = {}) => any(plain(init));
const deleted = (init: AttachmentInit = {}) => anyDeleted(plain(init));

const labelled = node('a', { labels: { 'macvlan.dev/agent': 'true' } });
const bare = node('a');
const base: NodeFacts = { node: bare, attachments: [], state: undefined, idleMs: 0 };
const elsewhere = attachment({ spec: { nodeSelector: { matchLabels: { lan: 'yes' } } } });
const shim = { name: 'mvs-1', mac: '02:00:00:00:00:01', parent: 'eth0', attachments: [] };
const pending = nodeEntry({ phase: 'Pending' });
const on = { 'macvlan.dev/agent': 'true' };
const off = { 'macvlan.dev/agent': null };
const keep: NodePlan = { labels: {}, state: 'Keep', recheckMs: undefined };

describe('a node', () => {
  test.each<[string, Partial<NodeFacts>, Partial<NodePlan>]>([
    ['is left alone when nothing concerns it', {}, keep],
    ['is labelled when an attachment takes it', { attachments: [elsewhere, attachment()] }, { labels: on }],
    ['is left alone when it is labelled already', { node: labelled, attachments: [attachment()] }, keep],
    ['is not labelled for an attachment that takes others', { attachments: [elsewhere] }, keep],
    [
      'loses the label when no attachment takes it and nothing is left',
      { node: labelled },
      { labels: off, state: 'Keep' },
    ],
    ['keeps the label while its state has an entry', { node: labelled, state: nodeState('a', [pending]) }, keep],
    [
      'keeps the label while its state has a shim',
      { node: labelled, state: nodeState('a', [], { shims: [shim] }) },
      keep,
    ],
    ['gets the label back when something is left on it', { state: nodeState('a', [pending]) }, { labels: on }],
    [
      'keeps the label while pods hold up a deletion',
      { node: labelled, attachments: [deleted({ status: { phase: 'Draining' } })] },
      keep,
    ],
    [
      'is not asked for by an attachment that is being cleaned up',
      { node: labelled, attachments: [deleted({ status: { phase: 'Cleaning' } })] },
      { labels: off },
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
    ['loses its empty state then', { state: nodeState('a'), idleMs: 3000 }, { state: 'Delete', labels: {} }],
    [
      'loses its state at once when it is gone itself',
      { node: undefined, state: nodeState('a', [pending]) },
      { state: 'Delete' },
    ],
    ['needs nothing when it is gone and has no state', { node: undefined }, keep],
  ])('%s', (_, init, expected) => {
    const plan = planNode({ ...base, ...init });
    expect({ ...plan, ...expected }).toEqual(plan);
  });
});

describe('the label that brings a DHCP daemon', () => {
  const key = 'macvlan.dev/dhcp';
  const dhcp = (daemon: 'Managed' | 'External', init: AttachmentInit = {}) =>
    any({ ...init, spec: { ipam: { type: 'DHCP', dhcp: { daemon: { type: daemon } } }, ...init.spec } });
  const both = node('a', { labels: { ...on, [key]: 'true' } });
  const leases = (links: number) => nodeState('a', [], { dhcp: { links } });

  test.each<[string, Partial<NodeFacts>, NodePlan['labels']]>([
    ['comes with the first attachment that needs one', { attachments: [any()] }, { ...on, [key]: 'true' }],
    [
      'comes to a node that has an agent already',
      { node: labelled, attachments: [attachment(), any()] },
      { [key]: 'true' },
    ],
    ['does not come for a daemon of somebody else', { attachments: [dhcp('External')] }, on],
    ['does not come for other nodes', { attachments: [dhcp('Managed', { spec: elsewhere.spec }), elsewhere] }, {}],
    [
      'goes when the attachment says that the daemon is somebody else',
      { node: both, attachments: [dhcp('External')] },
      { [key]: null },
    ],
    ['stays while a pod has its lease from it', { node: both, attachments: [dhcp('External')], state: leases(1) }, {}],
    [
      'stays, and the agent with it, where a deletion was forced',
      { node: both, attachments: [], state: leases(2) },
      {},
    ],
    ['goes with the last lease', { node: both, attachments: [], state: leases(0) }, { ...off, [key]: null }],
  ])('%s', (_, init, expected) => {
    expect(planNode({ ...base, ...init }).labels).toEqual(expected);
  });
});

describe('the label of a node that says where an attachment is ready', () => {
  const key = 'attachment.macvlan.dev/lan';
  const withKey = (value: string) => node('a', { labels: { ...on, [key]: value } });
  const ready = nodeState('a', [nodeEntry()]);

  test.each<[string, Partial<NodeFacts>, NodePlan['labels']]>([
    ['comes when the agent says so, in one patch with that of the agent', { state: ready }, { [key]: 'ready', ...on }],
    ['comes alone to a node that is labelled already', { node: labelled, state: ready }, { [key]: 'ready' }],
    ['is left alone where it is right', { node: withKey('ready'), state: ready }, {}],
    ['is put right when somebody edits it', { node: withKey('yes'), state: ready }, { [key]: 'ready' }],
    [
      'goes when the agent no longer says so',
      { node: withKey('ready'), state: nodeState('a', [pending]) },
      { [key]: null },
    ],
    [
      'goes when the agent speaks of a predecessor of that name',
      { node: withKey('ready'), attachments: [attachment({ metadata: { uid: 'new' } })], state: ready },
      { [key]: null },
    ],
    ['goes when there is no word of the agent', { node: withKey('ready') }, { [key]: null }],
    [
      'stays while the agent has not answered an edit of the spec yet',
      { node: withKey('ready'), attachments: [attachment({ metadata: { generation: 2 } })], state: ready },
      {},
    ],
    [
      'stays while pods hold up a deletion',
      { node: withKey('ready'), attachments: [deleted({ status: { phase: 'Draining' } })], state: ready },
      {},
    ],
    [
      'goes before the agent cleans up after a deletion',
      { node: withKey('ready'), attachments: [deleted({ status: { phase: 'Cleaning' } })], state: ready },
      { [key]: null },
    ],
    [
      'goes before the agent cleans up a node that is no longer selected',
      { node: withKey('ready'), attachments: [elsewhere], state: ready },
      { [key]: null },
    ],
    ['goes together with the last attachment', { node: withKey('ready'), attachments: [] }, { [key]: null, ...off }],
  ])('%s', (_, init, expected) => {
    expect(planNode({ ...base, attachments: [attachment()], ...init }).labels).toEqual(expected);
  });

  test('is a valid label key for the longest name that an attachment can have', () => {
    const name = `a${'-'.repeat(61)}z`;
    expect(readyLabelFor(name).split('/')[1]).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
  });
});

describe('a selector that names labels of our own', () => {
  const selecting = (nodeSelector: LabelSelector) => attachment({ spec: { nodeSelector } });
  const own = { 'macvlan.dev/agent': 'true', 'attachment.macvlan.dev/lan': 'ready' };

  test.each<[LabelSelector, boolean]>([
    [{ matchLabels: { 'macvlan.dev/agent': 'true' } }, false],
    [{ matchExpressions: [{ key: 'attachment.macvlan.dev/lan', operator: 'DoesNotExist' }] }, true],
    [{ matchLabels: { a: 'b' }, matchExpressions: [{ key: 'macvlan.dev/agent', operator: 'DoesNotExist' }] }, true],
  ])('gives the same answer whether they are there or not: %j', (selector, expected) => {
    for (const labels of [{ a: 'b' }, { a: 'b', ...own }]) {
      expect(matchesNode(selecting(selector), node('a', { labels }))).toBe(expected);
    }
  });
});
