import { describe, expect, test } from '@jest/globals';
import type { MacvlanAttachmentSpec } from '../../../../src/api/v1alpha1/attachment.ts';
import type { AttachmentFacts } from '../../../../src/domain/attachment/facts.ts';
import { planAttachment } from '../../../../src/domain/attachment/plan.ts';
import { statusFor } from '../../../../src/domain/attachment/status.ts';
import { judge, type Outcome } from '../../../../src/domain/attachment/verdict.ts';
import { isEqual } from '../../../../src/domain/objects/equal.ts';
import {
  attachment,
  conditionOf,
  deleted,
  facts,
  held,
  NOW,
  namespace,
  node,
  nodeEntry,
  nodePod,
} from '../../../support/builders.ts';

const fine: Outcome = { taken: [], failures: [] };

function statusOf(init: Partial<AttachmentFacts>, outcome = fine) {
  const all = facts(init);
  if (all.attachment === undefined) throw new Error('no attachment');
  return statusFor(all.attachment, judge(all, planAttachment(all), outcome));
}
const answersOf = (init: Partial<AttachmentFacts>, outcome = fine) =>
  Object.fromEntries((statusOf(init, outcome).conditions ?? []).map((c) => [c.type, `${c.status} ${c.reason}`]));

const nodes = [node('a'), node('b')];
const ready = (name: string) => ({ node: name, entry: nodeEntry(), pods: [] });
const routed: Partial<MacvlanAttachmentSpec> = { hostAccess: { type: 'Routed' } };

describe('an attachment that was made anew under its name', () => {
  test('takes nothing that was said about its predecessor for an answer', () => {
    const init = { attachment: attachment({ metadata: { uid: 'new' } }), nodes: [node('a')] };
    const said = (uid: string) => [{ node: 'a', entry: nodeEntry({ uid }), pods: [] }];
    expect(answersOf({ ...init, reports: said('old') })).toMatchObject({ ParentsReady: 'False AgentSilent' });
    expect(answersOf({ ...init, reports: said('new') })).toMatchObject({ ParentsReady: 'True NodesReady' });
  });
});

describe('an attachment that works', () => {
  const init = { nodes, reports: [ready('a'), { ...ready('b'), pods: [nodePod('web')] }] };

  test('is ready in every respect', () => {
    expect(answersOf(init)).toEqual({
      Accepted: 'True Valid',
      Rendered: 'True UpToDate',
      ParentsReady: 'True NodesReady',
      HostAccessReady: 'True NotWanted',
      DhcpReady: 'True LeasesHeld',
      PodsConnected: 'True LinksThere',
      Ready: 'True Working',
      NoWarnings: 'True NothingSeen',
    });
  });

  test('stays ready with a warning of a node, which is told beside it and counts nothing as degraded', () => {
    const warning = { reason: 'MacFilteringLikely', message: 'Seen.', remedy: 'Do it.', severity: 'Warning' } as const;
    const reports = [{ ...ready('a'), entry: nodeEntry({ problems: [warning] }) }, ready('b')];
    const status = statusOf({ nodes, reports });
    expect(status).toMatchObject({ nodes: { ready: 2, degraded: 0 }, problems: [{ ...warning, node: 'a' }] });
    expect(conditionOf(status.conditions, 'NoWarnings')).toMatchObject({
      status: 'False',
      reason: 'MacFilteringLikely',
      message: 'a: Seen. Do it.',
    });
    const { message, ...rest } = conditionOf(status.conditions, 'Ready');
    expect(rest).toMatchObject({ status: 'True', reason: 'Working' });
    expect(message).toContain('MacFilteringLikely');
    expect(conditionOf(status.conditions, 'ParentsReady')).toMatchObject({ status: 'True' });
  });

  test('takes a warning that it does not know, from an agent of another version, for a warning', () => {
    const warning = { reason: 'SomethingNew', message: 'Seen.', severity: 'Warning' } as const;
    const reports = [{ ...ready('a'), entry: nodeEntry({ problems: [warning] }) }, ready('b')];
    expect(answersOf({ nodes, reports })).toMatchObject({ Ready: 'True Working', NoWarnings: 'False SomethingNew' });
  });

  test('shows alias, phase and counts', () => {
    expect(statusOf(init)).toMatchObject({
      observedGeneration: 1,
      phase: 'Active',
      alias: 'mva-lan',
      nodes: { matched: 2, ready: 2, degraded: 0 },
      namespaces: 1,
      pods: { attached: 1 },
      summary: '2/2',
    });
    expect(statusOf(init).problems).toBeUndefined();
  });

  test('has the same status a second later, so that nothing is written', () => {
    const first = statusOf(init);
    const later = { ...init, attachment: attachment({ status: first }), now: NOW + 60_000 };
    expect(isEqual(statusOf(later), first)).toBe(true);
  });
});

describe('an attachment is not ready', () => {
  const problem = { reason: 'ParentMissing', message: 'No NIC is named eth9.', remedy: 'Correct spec.parents.' };

  test.each<[string, Partial<AttachmentFacts>, string, string]>([
    ['when no node matches', { nodes: [] }, 'ParentsReady', 'False NoNodeMatches'],
    ['while an agent has not reported', { nodes, reports: [ready('a')] }, 'ParentsReady', 'False AgentSilent'],
    [
      'while an agent is at work',
      { nodes: [node('a')], reports: [{ node: 'a', entry: nodeEntry({ phase: 'Pending' }), pods: [] }] },
      'ParentsReady',
      'False Pending',
    ],
    [
      'while an agent speaks about the spec as it was before',
      { nodes: [node('a')], reports: [ready('a')], attachment: attachment({ metadata: { generation: 2 } }) },
      'ParentsReady',
      'False Pending',
    ],
    [
      'when a node has a problem',
      {
        nodes,
        reports: [ready('a'), { node: 'b', entry: nodeEntry({ phase: 'Failed', problems: [problem] }), pods: [] }],
      },
      'ParentsReady',
      'False ParentMissing',
    ],
    ['when Multus is missing', { multus: 'Missing' }, 'Rendered', 'False MultusMissing'],
    ['when a namespace is missing', { namespaces: [] }, 'Rendered', 'False NamespaceMissing'],
    ['when its spec makes no sense', { attachment: attachment({ name: 'a.b' }) }, 'Accepted', 'False NameInvalid'],
    [
      'and says that NADs are on hold when its spec makes no sense',
      { attachment: attachment({ name: 'a.b' }) },
      'Rendered',
      'Unknown OnHold',
    ],
    [
      'when host access cannot work',
      { attachment: attachment({ spec: { ...routed, mode: 'vepa' } }) },
      'HostAccessReady',
      'False HostAccessModeUnsupported',
    ],
    [
      'while a shim is not up',
      { nodes: [node('a')], reports: [ready('a')], attachment: attachment({ spec: routed }) },
      'HostAccessReady',
      'False Pending',
    ],
  ])('%s', (_, init, type, expected) => {
    const answers = answersOf(init);
    expect(answers[type]).toBe(expected);
    expect(answers['Ready']).toMatch(/^False /);
  });

  test('for a DHCP daemon alone where the NIC is verified, and for leases while the node stays ready', () => {
    const missing = nodeEntry({ phase: 'Failed', problems: [{ reason: 'DhcpDaemonMissing', message: 'Not there.' }] });
    const silent = nodeEntry({ problems: [{ reason: 'DhcpNoAnswer', message: 'Silence.' }] });
    for (const [entry, reason] of [
      [missing, 'DhcpDaemonMissing'],
      [silent, 'DhcpNoAnswer'],
    ] as const) {
      expect(answersOf({ nodes: [node('a')], reports: [{ node: 'a', entry, pods: [] }] })).toMatchObject({
        ParentsReady: 'True NodesReady',
        DhcpReady: `False ${reason}`,
        Ready: `False ${reason}`,
      });
    }
  });

  test('for a shim alone where the NIC is verified: pods attach all the same', () => {
    const trouble = { reason: 'ShimContested', message: 'Somebody deletes the shim.' };
    const entry = nodeEntry({ phase: 'Failed', hostAccess: 'Failed', problems: [trouble] });
    const init = {
      nodes: [node('a')],
      reports: [{ node: 'a', entry, pods: [] }],
      attachment: attachment({ spec: routed }),
    };
    expect(answersOf(init)).toMatchObject({ ParentsReady: 'True NodesReady', HostAccessReady: 'False ShimContested' });
  });

  test('when a NAD of its name belongs to somebody else, and says where', () => {
    const outcome = { ...fine, taken: ['home'] };
    expect(answersOf({}, outcome)['Rendered']).toBe('False NameTaken');
    const status = statusOf({}, outcome);
    expect(status.namespaces).toBe(0);
    expect(status.problems?.[0]).toMatchObject({ reason: 'NameTaken', namespace: 'home' });
  });

  test('when a write was refused', () => {
    const failure = { namespace: 'home', message: 'creating NetworkAttachmentDefinition home/lan: forbidden' };
    expect(answersOf({}, { ...fine, failures: [failure] })['Rendered']).toBe('False ApplyFailed');
  });
});

describe('problems', () => {
  test('are sorted by condition and node, whatever order they come in, and cut at ten', () => {
    const many = Array.from({ length: 12 }, (_, index) => node(`n${String(index).padStart(2, '0')}`)).toReversed();
    const { problems } = statusOf({ nodes: many, namespaces: [namespace('x')] });
    expect(problems).toHaveLength(10);
    expect(problems?.map((problem) => problem.node ?? problem.namespace)).toEqual([
      'home',
      'n00',
      'n01',
      'n02',
      'n03',
      'n04',
      'n05',
      'n06',
      'n07',
      'n08',
    ]);
  });

  test('are spelled out with their remedies in the condition, the first three of them', () => {
    const { conditions } = statusOf({ nodes: [node('a'), node('b'), node('c'), node('d')] });
    const { message } = conditionOf(conditions, 'ParentsReady');
    expect(message).toMatch(
      /^The parent NIC is verified on 0 of 4 nodes\. The agent of node a has not reported yet\. /,
    );
    expect(message).toMatch(/And 1 more\.$/);
  });
});

test('a pod with two links on the attachment is one pod', () => {
  const pods = [nodePod('web'), nodePod('web', { interface: 'net2' }), nodePod('db')];
  const init = { nodes: [node('a')], reports: [{ ...ready('a'), pods }] };
  expect(statusOf(init).pods).toEqual({ attached: 2, ghost: 0, stale: 0 });
});

describe('a deleted attachment', () => {
  const report = { node: 'a', entry: nodeEntry(), pods: [nodePod('web')] };

  test('says which pods hold it up and keeps working', () => {
    const claimed = { ...report, pods: [nodePod('web'), nodePod('invented')] };
    const init = { attachment: deleted(), nodes: [node('a')], reports: [claimed], holders: held('web') };
    expect(statusOf(init)).toMatchObject({ phase: 'Draining', pods: { attached: 1 } });
    expect(answersOf(init)).toMatchObject({
      Rendered: 'True UpToDate',
      ParentsReady: 'True NodesReady',
      Ready: 'False PodsAttached',
    });
  });

  test('asks the nodes to clean up only after its NADs went', () => {
    const gone = { ...report, pods: [] };
    const init = { attachment: deleted(), nodes: [node('a')], reports: [gone], holders: held() };
    expect(statusOf(init).phase).toBe('Cleaning');
    expect(statusOf(init, { ...fine, failures: [{ message: 'no' }] }).phase).toBe('Draining');
  });

  test('does not show what nodes say while they take it down', () => {
    const entry = nodeEntry({ phase: 'Cleaning', problems: [{ reason: 'ParentMissing', message: 'gone' }] });
    const init = {
      attachment: deleted({ status: { phase: 'Cleaning' } }),
      nodes: [node('a')],
      reports: [{ node: 'a', entry, pods: [] }],
    };
    expect(statusOf(init).problems?.map((problem) => problem.reason)).toEqual(['NodeNotClean']);
    expect(answersOf(init)).toMatchObject({ Rendered: 'False Deleting', Ready: 'False NodeNotClean' });
  });
});
