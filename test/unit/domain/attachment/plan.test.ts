import { describe, expect, test } from '@jest/globals';
import type { AttachmentFacts } from '../../../../src/domain/attachment/facts.ts';
import { planAttachment } from '../../../../src/domain/attachment/plan.ts';
import {
  attachment,
  definition,
  deleted,
  facts,
  namespace,
  node,
  nodeEntry,
  nodePod,
} from '../../../support/builders.ts';

const plan = (init: Partial<AttachmentFacts>) => planAttachment(facts(init));
const places = (init: Partial<AttachmentFacts>) => {
  const { objects } = plan(init);
  return objects === 'Hold' ? objects : objects.map((object) => object.metadata.namespace);
};
const reasons = (init: Partial<AttachmentFacts>) => plan(init).problems.map((problem) => problem.reason);
const MINUTE = 60_000;

describe('NADs are wanted', () => {
  const namespaces = [namespace('shop', { lan: 'yes' }), namespace('home'), namespace('work', { lan: 'yes' })];

  test.each<[string, Partial<AttachmentFacts>, string | readonly string[]]>([
    ['in the namespaces that are named', { namespaces, attachment: attachment() }, ['home']],
    [
      'in those that are named and those that are selected, sorted',
      {
        namespaces,
        attachment: attachment({
          spec: { namespaces: { names: ['home', 'work'], selector: { matchLabels: { lan: 'yes' } } } },
        }),
      },
      ['home', 'shop', 'work'],
    ],
    [
      'everywhere for an empty selector',
      { namespaces, attachment: attachment({ spec: { namespaces: { selector: {} } } }) },
      ['home', 'shop', 'work'],
    ],
    [
      'nowhere in a namespace that is being deleted',
      { namespaces: [{ metadata: { name: 'home', deletionTimestamp: '2026-01-01T00:00:00Z' } }] },
      [],
    ],
    ['nowhere without an attachment', { attachment: undefined, owned: [definition('home')] }, []],
    ['as they are while the spec is refused', { attachment: attachment({ name: 'a.b' }) }, 'Hold'],
    ['as they are while Multus is missing', { multus: 'Missing' }, 'Hold'],
    [
      'as before while pods hold up a deletion',
      {
        attachment: deleted(),
        nodes: [node('a')],
        reports: [{ node: 'a', entry: nodeEntry(), pods: [nodePod('web')] }],
      },
      ['home'],
    ],
    [
      'nowhere once nodes are being cleaned',
      { attachment: deleted(), nodes: [node('a')], reports: [{ node: 'a', entry: nodeEntry(), pods: [] }] },
      [],
    ],
  ])('%s', (_, init, expected) => {
    expect(places(init)).toEqual(expected);
  });
});

describe('the plan tells', () => {
  test.each<[string, Partial<AttachmentFacts>, readonly string[]]>([
    ['nothing when all is well', {}, []],
    ['that Multus is missing', { multus: 'Missing' }, ['MultusMissing']],
    ['which namespace is missing', { namespaces: [] }, ['NamespaceMissing']],
    [
      'what the spec does wrong',
      {
        attachment: attachment({
          spec: { ipam: { type: 'HostLocal', hostLocal: { ranges: [{ subnet: '10.0.0.1/8' }] } } },
        }),
      },
      ['RangeInvalid'],
    ],
    [
      'what cannot come true',
      { attachment: attachment({ spec: { mode: 'private', hostAccess: { type: 'Routed' } } }) },
      ['HostAccessModeUnsupported'],
    ],
  ])('%s', (_, init, expected) => {
    expect(reasons(init)).toEqual(expected);
  });
});

describe('the finalizer', () => {
  test('is put on before anything else', () => {
    expect(plan({ attachment: attachment({ metadata: { finalizers: [] } }) }).finalizer).toBe('Add');
    expect(plan({}).finalizer).toBe('Keep');
  });

  test('is not put on an attachment that is already deleted', () => {
    expect(plan({ attachment: deleted({ metadata: { finalizers: ['other'] } }) }).finalizer).not.toBe('Add');
  });
});

describe('a deletion', () => {
  const report = { node: 'a', entry: nodeEntry(), pods: [nodePod('web')] };
  const held = { attachment: deleted(), nodes: [node('a')], reports: [report] };
  const forced = deleted({ metadata: { annotations: { 'macvlan.dev/force': 'true' } } });
  const cleaning = deleted({ status: { phase: 'Cleaning' } });

  test.each<[string, Partial<AttachmentFacts>, string]>([
    ['waits for attached pods', held, 'Draining'],
    ['goes past them by force', { ...held, attachment: forced }, 'Cleaning'],
    [
      'does not take any other value for force',
      { ...held, attachment: deleted({ metadata: { annotations: { 'macvlan.dev/force': 'yes' } } }) },
      'Draining',
    ],
    ['waits for nodes that have something left', { ...held, reports: [{ ...report, pods: [] }] }, 'Cleaning'],
    ['does not go back to draining when a pod shows up late', { ...held, attachment: cleaning }, 'Cleaning'],
    ['is through when no node has anything left', { ...held, reports: [] }, 'Released'],
    ['does not wait for a node that is gone', { ...held, nodes: [] }, 'Released'],
    [
      'waits for a node that has not been ready for nine minutes',
      { ...held, nodes: [node('a', { ready: 'Unknown', sinceMs: 9 * MINUTE })] },
      'Draining',
    ],
    [
      'does not wait for a node that has not been ready for ten',
      { ...held, nodes: [node('a', { ready: 'False', sinceMs: 10 * MINUTE })] },
      'Released',
    ],
    [
      'is through at once when the finalizer is not ours',
      { ...held, attachment: deleted({ metadata: { finalizers: ['other'] } }) },
      'Released',
    ],
  ])('%s', (_, init, stage) => {
    expect(plan(init).stage).toBe(stage);
  });

  test('looks again when the patience with a node ends', () => {
    const nodes = [
      node('a', { ready: 'Unknown', sinceMs: 9 * MINUTE }),
      node('b', { ready: 'Unknown', sinceMs: 9.5 * MINUTE }),
    ];
    expect(plan({ ...held, nodes }).recheckMs).toBe(MINUTE);
    expect(plan(held).recheckMs).toBeUndefined();
  });

  test('says which pods hold it up, a few of them by name', () => {
    const pods = Array.from({ length: 7 }, (_, index) => nodePod(`web-${index}`));
    const [problem] = plan({ ...held, reports: [{ ...report, pods }] }).problems;
    expect(problem?.reason).toBe('PodsAttached');
    expect(problem?.message).toBe(
      'Deletion waits for attached pods: home/web-0, home/web-1, home/web-2, home/web-3, home/web-4 and 2 more.',
    );
  });

  test('says which nodes are not clean yet', () => {
    expect(plan({ ...held, attachment: cleaning }).problems).toEqual([
      expect.objectContaining({ reason: 'NodeNotClean', node: 'a' }),
    ]);
  });
});
