import { describe, expect, test } from '@jest/globals';
import type { Node, Pod } from '../../../../src/api/kube.ts';
import type { MacvlanAttachmentSpec } from '../../../../src/api/v1alpha1/attachment.ts';
import type { ProblemStatus } from '../../../../src/api/v1alpha1/attachment-status.ts';
import { takesNode } from '../../../../src/domain/identity/node-selection.ts';
import { placementFor } from '../../../../src/domain/identity/placement.ts';
import { attachment, node } from '../../../support/builders.ts';
import { waitingPod } from '../../../support/identity.ts';

const READY = { 'attachment.macvlan.dev/lan': 'ready' };
const podWith = (spec: Partial<Pod['spec']>): Pod => {
  const pod = waitingPod('x');
  return { ...pod, spec: { ...pod.spec, ...spec } };
};
const required = (name = 'lan', spec: Partial<MacvlanAttachmentSpec> = {}, problems: readonly ProblemStatus[] = []) =>
  attachment({ name, spec: { placement: { type: 'Require' }, ...spec }, status: { problems } });
const onlyOn = (...names: string[]): Partial<Pod['spec']> => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: names.map((value) => ({
          matchFields: [{ key: 'metadata.name', operator: 'In', values: [value] }],
        })),
      },
    },
  },
});

describe('a pod on attachments that require it', () => {
  test('is narrowed to nodes where all of them are ready', () => {
    const both = { ...READY, 'attachment.macvlan.dev/cams': 'ready' };
    const nodes = [node('a', { labels: READY }), node('b', { labels: both })];
    const lan = required();
    const attachments = [lan, required('cams'), lan, attachment({ name: 'free' })];
    expect(placementFor({ pod: waitingPod('x'), attachments, nodes })).toEqual(both);
  });

  test('adds nothing that the pod selects by already, and keeps what it selects by', () => {
    const pod = podWith({ nodeSelector: { ...READY, disk: 'ssd' } });
    const nodes = [node('a', { labels: { ...READY, disk: 'ssd' } })];
    expect(placementFor({ pod, attachments: [required()], nodes })).toEqual({});
  });

  test('waits while none is ready, and is told why, in the words of the status', () => {
    const problem = { node: 'b', reason: 'ParentMissing', message: 'No NIC named eth9.' };
    const nodes = ['a', 'b', 'c', 'd', 'e'].map((name) => node(name));
    expect(placementFor({ pod: waitingPod('x'), attachments: [required('lan', {}, [problem])], nodes })).toEqual({
      reason: 'NoNodeReady',
      message:
        'No node that the pod may go to is ready for it. lan on a: not ready yet. lan on b: ParentMissing, No NIC named eth9. ' +
        'lan on c: not ready yet. 2 more nodes are not ready either.',
      remedy: 'It goes on when one is; see kubectl describe mva lan.',
    });
  });

  test('waits for the one node that its DaemonSet made it for, whatever the others are', () => {
    const nodes = [node('a', { labels: READY }), node('b')];
    const facts = { attachments: [required()], nodes };
    expect(placementFor({ ...facts, pod: podWith(onlyOn('b')) })).toMatchObject({ reason: 'NoNodeReady' });
    expect(placementFor({ ...facts, pod: podWith(onlyOn('b', 'a')) })).toEqual(READY);
  });

  test.each<[string, Partial<Pod['spec']>, string]>([
    ['a label that says otherwise', { nodeSelector: { 'attachment.macvlan.dev/lan': 'no' } }, 'lan: no'],
    ['nodes that there are not', { nodeSelector: { disk: 'tape' } }, 'No node fits'],
    ['nodes that take no part', onlyOn('b'), 'goes to b, and none of these takes part in attachment lan'],
    [
      'nodes that are not ready',
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: 'attachment.macvlan.dev/lan', operator: 'DoesNotExist' }] },
              ],
            },
          },
        },
      },
      'No node fits',
    ],
  ])('is told that it asks for %s', (_what, spec, says) => {
    const nodes = [node('a', { labels: { ...READY, lan: 'yes' } }), node('b')];
    const attachments = [required('lan', { nodeSelector: { matchLabels: { lan: 'yes' } } })];
    const refusal = placementFor({ pod: podWith(spec), attachments, nodes });
    expect(refusal).toMatchObject({ reason: 'PlacementContradicts', message: expect.stringContaining(says) });
  });
});

test('a pod on attachments that do not care goes anywhere, whatever it selects', () => {
  const pod = podWith({ nodeSelector: { disk: 'tape' } });
  expect(placementFor({ pod, attachments: [attachment()], nodes: [] })).toEqual({});
});

describe('what a pod says about nodes', () => {
  const labelled: Node = node('a', { labels: { zone: 'x', cores: '8' } });
  const says = (key: string, operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt', ...values: string[]) =>
    takesNode(
      podWith({
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }],
            },
          },
        },
      }),
      labelled,
    );

  test('is read as the scheduler reads it', () => {
    expect([says('zone', 'In', 'x', 'y'), says('zone', 'In', 'y'), says('gone', 'In', 'x')]).toEqual([
      true,
      false,
      false,
    ]);
    expect([says('zone', 'NotIn', 'x'), says('gone', 'NotIn', 'x')]).toEqual([false, true]);
    expect([says('zone', 'Exists'), says('gone', 'Exists')]).toEqual([true, false]);
    expect([says('zone', 'DoesNotExist'), says('gone', 'DoesNotExist')]).toEqual([false, true]);
    expect([says('cores', 'Gt', '4'), says('cores', 'Lt', '4'), says('zone', 'Gt', '4')]).toEqual([true, false, false]);
  });

  test('takes no node with a term that says nothing', () => {
    const terms = (...nodeSelectorTerms: object[]) =>
      podWith({
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
      } as Partial<Pod['spec']>);
    expect([takesNode(terms({}), labelled), takesNode(terms(), labelled)]).toEqual([false, false]);
  });
});
