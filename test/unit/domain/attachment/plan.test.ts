import { describe, expect, test } from '@jest/globals';
import type { AttachmentFacts } from '../../../../src/domain/attachment/facts.ts';
import { planAttachment } from '../../../../src/domain/attachment/plan.ts';
import {
  attachment,
  definition,
  deleted,
  facts,
  held,
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
        holders: held('web'),
      },
      ['home'],
    ],
    [
      'nowhere once nodes are being cleaned',
      {
        attachment: deleted(),
        nodes: [node('a')],
        reports: [{ node: 'a', entry: nodeEntry(), pods: [] }],
        holders: held(),
      },
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
  const waiting = { attachment: deleted(), nodes: [node('a')], reports: [report], holders: held('web') };
  const forced = deleted({ metadata: { annotations: { 'macvlan.dev/force': 'true' } } });
  const cleaning = deleted({ status: { phase: 'Cleaning' } });

  test.each<[string, Partial<AttachmentFacts>, string]>([
    ['waits for attached pods', waiting, 'Draining'],
    ['waits for them also when no agent speaks of them', { ...waiting, reports: [] }, 'Draining'],
    ['does not wait for pods that only agents speak of', { ...waiting, holders: held() }, 'Cleaning'],
    ['goes no further while nobody has asked the pods', { ...waiting, holders: 'NotAsked' }, 'Draining'],
    ['goes past them by force', { ...waiting, attachment: forced, holders: 'NotAsked' }, 'Cleaning'],
    [
      'does not take any other value for force',
      { ...waiting, attachment: deleted({ metadata: { annotations: { 'macvlan.dev/force': 'yes' } } }) },
      'Draining',
    ],
    ['waits for nodes that have something left', { ...waiting, holders: held() }, 'Cleaning'],
    ['does not go back to draining when a pod shows up late', { ...waiting, attachment: cleaning }, 'Cleaning'],
    ['is through when no node has anything left', { ...waiting, reports: [], holders: held() }, 'Released'],
    ['does not wait for a node that is gone', { ...waiting, nodes: [] }, 'Released'],
    [
      'waits for a node that has not been ready for nine minutes',
      { ...waiting, nodes: [node('a', { ready: 'Unknown', sinceMs: 9 * MINUTE })] },
      'Draining',
    ],
    [
      'does not wait for a node that has not been ready for ten',
      { ...waiting, nodes: [node('a', { ready: 'False', sinceMs: 10 * MINUTE })] },
      'Released',
    ],
    [
      'is through at once when the finalizer is not ours',
      { ...waiting, attachment: deleted({ metadata: { finalizers: ['other'] } }) },
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
    expect(plan({ ...waiting, attachment: cleaning, nodes }).recheckMs).toBe(MINUTE);
    expect(plan({ ...waiting, attachment: cleaning }).recheckMs).toBeUndefined();
  });

  test('asks the pods again after a while, or when the patience with their node ends', () => {
    expect(plan(waiting).recheckMs).toBe(10_000);
    const nodes = [node('a', { ready: 'Unknown', sinceMs: 10 * MINUTE - 5000 })];
    expect(plan({ ...waiting, reports: [], nodes }).recheckMs).toBe(5000);
  });

  test('says which pods hold it up, a few of them by name', () => {
    const names = Array.from({ length: 7 }, (_, index) => `web-${index}`);
    const [problem] = plan({ ...waiting, holders: held(...names) }).problems;
    expect(problem?.reason).toBe('PodsAttached');
    expect(problem?.message).toBe(
      'Deletion waits for attached pods: home/web-0, home/web-1, home/web-2, home/web-3, home/web-4 and 2 more.',
    );
    const [other] = plan({ ...waiting, holders: { ...held('web-0'), more: 3 } }).problems;
    expect(other?.message).toBe('Deletion waits for attached pods: home/web-0 and 3 more.');
  });

  test('says so when pods could not be asked', () => {
    const [problem] = plan({ ...waiting, holders: 'NotAsked' }).problems;
    expect(problem?.message).toBe('Deletion waits: pods could not be asked whether they are attached.');
  });

  test('says which nodes are not clean yet', () => {
    expect(plan({ ...waiting, attachment: cleaning }).problems).toEqual([
      expect.objectContaining({ reason: 'NodeNotClean', node: 'a' }),
    ]);
  });
});
