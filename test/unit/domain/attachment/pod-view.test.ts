// Pods on an attachment by what their nodes say: counts, and problems with the pods' names.
import { describe, expect, test } from '@jest/globals';
import type { NodePod } from '../../../../src/api/v1alpha1/node-state.ts';
import type { NodeReport } from '../../../../src/domain/attachment/facts.ts';
import { viewPods } from '../../../../src/domain/attachment/pod-view.ts';
import { attachment, facts, node, nodeEntry, nodePod } from '../../../support/builders.ts';

const report = (name: string, ...pods: readonly NodePod[]): NodeReport => ({ node: name, entry: nodeEntry(), pods });
const view = (reports: readonly NodeReport[], repair?: 'Report' | 'InPlace' | 'Recreate') =>
  viewPods(
    facts({
      nodes: [node('a'), node('b')],
      reports,
      attachment: attachment({ spec: repair === undefined ? {} : { repair: { type: repair } } }),
    }),
  );
const ghost = (name: string, init: Partial<NodePod> = {}) => nodePod(name, { state: 'Ghost', ...init });

test('ghosts and stale pods are among the attached ones, those that never were are not', () => {
  const pods = [
    nodePod('web'),
    ghost('db'),
    nodePod('old', { state: 'Stale' }),
    nodePod('fixed', { state: 'Repaired' }),
    nodePod('late', { state: 'NeverAttached' }),
  ];
  expect(view([report('a', ...pods)])).toMatchObject({ attached: 4, ghost: 1, stale: 1 });
});

test('a pod that lost two links is one ghost', () => {
  expect(view([report('a', ghost('db'), ghost('db', { interface: 'net2' }))])).toMatchObject({ attached: 1, ghost: 1 });
});

test('all is well without pods, and with pods that have their link', () => {
  expect(view([])).toEqual({ attached: 0, ghost: 0, stale: 0, problems: [] });
  expect(view([report('a', nodePod('web'), nodePod('old', { state: 'Stale' }))]).problems).toEqual([]);
});

describe('problems', () => {
  test('are told per node, with the names of the pods', () => {
    const { problems } = view([report('b', ghost('x')), report('a', ghost('z'), ghost('y'))]);
    expect(problems.map(({ reason, node: where }) => [reason, where])).toEqual([
      ['PodGhost', 'a'],
      ['PodGhost', 'b'],
    ]);
    expect(problems[0]?.message).toContain('home/y, home/z');
  });

  test('name a few pods and count the others', () => {
    const many = Array.from({ length: 9 }, (_, i) => ghost(`pod${i}`));
    expect(view([report('a', ...many)]).problems[0]?.message).toContain('and 4 more');
  });

  test('have a remedy that fits what the attachment wants', () => {
    const remedies = ([undefined, 'InPlace', 'Recreate'] as const).map(
      (type) => view([report('a', ghost('x'))], type).problems[0]?.remedy ?? '',
    );
    expect(remedies).toEqual([
      expect.stringMatching(/^Delete/),
      expect.stringContaining('made again'),
      expect.stringContaining('evicted'),
    ]);
  });

  test('tell why a ghost was not made again, in its agent’s words', () => {
    const problem = { reason: 'RepairRefused', message: 'Because.', remedy: 'Do.' };
    const { problems } = view([report('a', ghost('x', { problem }))], 'InPlace');
    expect(problems).toEqual([{ ...problem, message: 'home/x: Because.', node: 'a' }]);
  });

  test('tell of pods that ask and never got a link', () => {
    const { problems } = view([report('a', nodePod('late', { state: 'NeverAttached', interface: '' }))]);
    expect(problems).toMatchObject([{ reason: 'PodNeverAttached', message: expect.stringContaining('home/late') }]);
  });
});
