import { describe, expect, test } from '@jest/globals';
import type { Node } from '../../../../src/api/kube.ts';
import {
  planUninstall,
  type UninstallFacts,
  type WhilePodsAttached,
} from '../../../../src/domain/attachment/uninstall.ts';
import { attachment, deleted, NOW, node, nodeEntry, nodeState } from '../../../support/builders.ts';

const MINUTE = 60_000;
const labelled = (init: Parameters<typeof node>[1] = {}): Node =>
  node('a', { labels: { 'macvlan.dev/agent': 'true' }, ...init });
const web = { namespace: 'home', name: 'web', node: 'a' };
const base: UninstallFacts = { attachments: [], nodes: [], states: [], pods: new Map(), now: NOW };
const busy: UninstallFacts = {
  ...base,
  attachments: [attachment()],
  nodes: [labelled()],
  states: [nodeState('a', [nodeEntry()])],
  pods: new Map([['lan', [web]]]),
};
const forced = { 'macvlan.dev/force': 'true' };

function step(init: Partial<UninstallFacts>, whilePodsAttached: WhilePodsAttached = 'Refuse') {
  return planUninstall({ ...busy, ...init }, whilePodsAttached);
}

describe('an uninstall', () => {
  test('is done at once when there is nothing', () => {
    expect(planUninstall(base, 'Refuse')).toEqual({ type: 'Done', away: [] });
  });

  test('deletes nothing while pods are attached, whatever they are attached to', () => {
    const attachments = [attachment({ name: 'idle' }), attachment()];
    expect(step({ attachments })).toEqual({ type: 'WaitForPods', pods: [{ ...web, attachment: 'lan' }] });
  });

  test.each<[string, Partial<UninstallFacts>]>([
    ['when no pod is', { pods: new Map() }],
    [
      'when pods are, and the attachment says force',
      { attachments: [attachment({ metadata: { annotations: forced } })] },
    ],
    ['when pods are, but their node is gone', { nodes: [] }],
    [
      'when pods are, but their node has long been away',
      { nodes: [labelled({ ready: 'False', sinceMs: 10 * MINUTE })] },
    ],
  ])('deletes attachments %s', (_what, init) => {
    expect(step(init)).toMatchObject({ type: 'Delete', attachments: [{ metadata: { name: 'lan' } }] });
  });

  test('waits for pods on a node that is away for a short while', () => {
    expect(step({ nodes: [labelled({ ready: 'Unknown', sinceMs: MINUTE })] }).type).toBe('WaitForPods');
  });

  test('waits for pods also when somebody deleted their attachment before', () => {
    expect(step({ attachments: [deleted({ status: { phase: 'Draining' } })] }).type).toBe('WaitForPods');
    const cleaning = deleted({ status: { phase: 'Cleaning' } });
    expect(step({ attachments: [cleaning] }).type).toBe('Wait');
  });

  test('under force, deletes although pods are attached, and says force also where somebody deleted before', () => {
    expect(step({}, 'Force').type).toBe('Delete');
    expect(step({ attachments: [deleted()] }, 'Force').type).toBe('Delete');
    expect(step({ attachments: [deleted({ metadata: { annotations: forced } })] }, 'Force').type).toBe('Wait');
  });

  test('says what it waits for, in the words of the status', () => {
    const problems = [{ reason: 'NodeNotClean', message: 'Node a has not confirmed.' }];
    const attachments = [deleted({ status: { phase: 'Cleaning', problems } }), deleted({ name: 'new' })];
    expect(step({ attachments, pods: new Map() })).toEqual({
      type: 'Wait',
      forWhat: ['attachment lan (Cleaning): Node a has not confirmed.', 'attachment new (not seen by the controller)'],
    });
  });

  test('waits for nodes until label and state are gone', () => {
    const gone = { attachments: [], pods: new Map() };
    expect(step(gone)).toEqual({ type: 'Wait', forWhat: ['node a'] });
    expect(step({ ...gone, nodes: [] })).toEqual({ type: 'Wait', forWhat: ['node a'] });
    expect(step({ ...gone, states: [] })).toEqual({ type: 'Wait', forWhat: ['node a'] });
    expect(step({ ...gone, nodes: [], states: [] })).toEqual({ type: 'Done', away: [] });
    const states = [nodeState('a', [], { dhcp: { links: 2 } })];
    expect(step({ ...gone, states })).toEqual({
      type: 'Wait',
      forWhat: ['node a, where 2 links have their addresses through the DHCP daemon'],
    });
  });

  test('names nodes that were away, and does not wait for them', () => {
    const nodes = [labelled({ ready: 'Unknown', sinceMs: 11 * MINUTE })];
    expect(step({ attachments: [], nodes })).toEqual({ type: 'Done', away: ['a'] });
  });
});
