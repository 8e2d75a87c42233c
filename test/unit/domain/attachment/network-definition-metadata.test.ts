import { describe, expect, test } from '@jest/globals';
import type { NetworkAttachmentDefinition } from '../../../../src/api/multus.ts';
import type { NetworkDefinitionMetadata } from '../../../../src/api/v1alpha1/attachment.ts';
import { networkDefinitionFor } from '../../../../src/domain/attachment/network-definition.ts';
import { leftoversIn, ownAnnotationsOf } from '../../../../src/domain/attachment/network-definition-metadata.ts';
import { diffObjects } from '../../../../src/domain/objects/diff.ts';
import { attachment } from '../../../support/builders.ts';

const NOTE = 'macvlan.dev/metadata-keys';
const wanted = (networkDefinition: NetworkDefinitionMetadata = {}) =>
  networkDefinitionFor(attachment({ spec: { networkDefinition } }), 'home');

/** The NAD with labels and annotations that somebody else put on it. */
function with_(nad: NetworkAttachmentDefinition, more: NetworkDefinitionMetadata): NetworkAttachmentDefinition {
  const { labels, annotations } = nad.metadata;
  return {
    ...nad,
    metadata: {
      ...nad.metadata,
      labels: { ...labels, ...more.labels },
      annotations: { ...annotations, ...more.annotations },
    },
  };
}

describe("the user's labels and annotations", () => {
  test('are on the NAD beside ours, and ours win', () => {
    const { metadata } = wanted({
      labels: { team: 'home', 'macvlan.dev/attachment': 'other' },
      annotations: { a: 'b' },
    });
    expect(metadata.labels).toEqual({
      team: 'home',
      'macvlan.dev/attachment': 'lan',
      'app.kubernetes.io/managed-by': 'macvlan-operator',
    });
    expect(metadata.annotations).toMatchObject({ a: 'b' });
  });

  test('leave no trace on a NAD whose attachment has none', () => {
    expect(wanted().metadata.annotations).toBeUndefined();
    expect(wanted({ labels: {} }).metadata.annotations).toBeUndefined();
  });

  test('are put back when somebody changes them', () => {
    const nad = wanted({ annotations: { a: 'b' } });
    expect(diffObjects([nad], [with_(nad, { annotations: { a: 'c' } })])).toMatchObject([{ type: 'apply' }]);
  });
});

describe('what an earlier spec asked for', () => {
  const before = wanted({ labels: { team: 'home', tier: 'one' }, annotations: { a: 'b' } });
  const foreign = with_(before, { labels: { theirs: 'yes' }, annotations: { theirs: 'too' } });

  test('is taken off, and what others put there is not', () => {
    const leftovers = leftoversIn(wanted({ labels: { team: 'garden' } }), foreign);
    expect(leftovers).toEqual({ labels: { tier: null }, annotations: { a: null } });
  });

  test('is taken off with the note when nothing is asked for any more', () => {
    const leftovers = leftoversIn(wanted(), foreign);
    expect(leftovers).toEqual({ labels: { team: null, tier: null }, annotations: { a: null, [NOTE]: null } });
  });

  test('is nothing when the spec is the same, or never asked', () => {
    expect(leftoversIn(before, foreign)).toBeUndefined();
    expect(leftoversIn(wanted(), with_(wanted(), { labels: { theirs: 'yes' } }))).toBeUndefined();
  });

  test('never is one of our own labels, whatever somebody writes into the note', () => {
    const note = JSON.stringify({ labels: ['macvlan.dev/attachment', 7], annotations: 'a' });
    const found = with_(wanted(), { annotations: { [NOTE]: note } });
    expect(leftoversIn(wanted(), found)).toEqual({ labels: {}, annotations: { [NOTE]: null } });
  });

  test.each(['', 'null', '7', '[', '[]', '{"labels":{}}'])('is unknown when the note says %j', (note) => {
    const found = with_(before, { annotations: { [NOTE]: note } });
    expect(leftoversIn(before, found)).toBeUndefined();
  });
});

describe('of the annotations of a NAD', () => {
  test('only ours are remembered', () => {
    const found = with_(wanted({ annotations: { a: 'b' } }), { annotations: { theirs: 'x'.repeat(1000) } });
    expect(Object.keys(ownAnnotationsOf(found) ?? {}).sort()).toEqual(['a', NOTE]);
    expect(ownAnnotationsOf(with_(wanted(), { annotations: { theirs: 'x' } }))).toBeUndefined();
  });
});
