import { beforeEach, describe, expect, test } from '@jest/globals';
import type { MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import { Reporter } from '../../../src/controller/attachment/report.ts';
import { OwnWrites } from '../../../src/controller/own-writes.ts';
import type { AttachmentFacts } from '../../../src/domain/attachment/facts.ts';
import { planAttachment } from '../../../src/domain/attachment/plan.ts';
import { judge } from '../../../src/domain/attachment/verdict.ts';
import type { KubeClient } from '../../../src/kernel/kube/client.ts';
import { Store } from '../../../src/kernel/watch/store.ts';
import { attachment, facts, NOW, node, nodeEntry } from '../../support/builders.ts';

let written: MacvlanAttachment[];
let told: string[];
let reporter: Reporter;

beforeEach(() => {
  written = [];
  told = [];
  const client = {
    apply: async (_kind: unknown, object: MacvlanAttachment) => {
      written.push(object);
      return object;
    },
  };
  reporter = new Reporter({
    client: client as unknown as KubeClient,
    events: { record: ({ reason, note }) => void told.push(`${reason}: ${note}`) },
    written: new OwnWrites(new Store<MacvlanAttachment>()),
  });
});

async function report(init: Partial<AttachmentFacts>, taken: readonly string[] = []) {
  const all = facts(init);
  if (all.attachment === undefined) throw new Error('no attachment');
  const verdict = judge(all, planAttachment(all), { taken, failures: [] });
  return reporter.report(all.attachment, verdict, new AbortController().signal);
}
const nodes = [node('a')];
const ready = [{ node: 'a', entry: nodeEntry(), pods: [] }];
const pending = [{ node: 'a', entry: nodeEntry({ phase: 'Pending' }), pods: [] }];

describe('the first status', () => {
  test('is written at once when nothing is missing', async () => {
    await report({ nodes, reports: ready });
    expect(written[0]?.status?.summary).toBe('1/1');
  });

  test('waits a moment for agents that have not answered, and then says so', async () => {
    expect(await report({ nodes })).toBe(300);
    expect(await report({ nodes, reports: pending, now: NOW + 100 })).toBe(200);
    expect(written).toEqual([]);
    await report({ nodes, now: NOW + 300 });
    expect(written[0]?.status?.problems?.[0]?.reason).toBe('AgentSilent');
  });

  test('does not wait when there is something else to say', async () => {
    await report({ nodes }, ['home']);
    expect(written).toHaveLength(1);
  });
});

describe('a status', () => {
  test('carries the uid, so that a namesake cannot get it', async () => {
    const said = [{ node: 'a', entry: nodeEntry({ uid: 'u-1' }), pods: [] }];
    await report({ nodes, reports: said, attachment: attachment({ metadata: { uid: 'u-1' } }) });
    expect(written[0]?.metadata).toEqual({ name: 'lan', uid: 'u-1' });
  });

  test('that says nothing new is not written', async () => {
    await report({ nodes, reports: ready });
    await report({ nodes, reports: ready, attachment: attachment({ status: written[0]?.status }), now: NOW + 1000 });
    expect(written).toHaveLength(1);
  });

  test('that was said before does not wait for agents', async () => {
    await report({ nodes, reports: ready });
    await report({ nodes, attachment: attachment({ status: written[0]?.status }) });
    expect(written).toHaveLength(2);
  });
});

describe('an event', () => {
  test('has the remedy in its note', async () => {
    await report({ namespaces: [] });
    expect(told).toEqual([
      'NamespaceMissing: Namespace home does not exist. Create it, or take it out of spec.namespaces.names.',
    ]);
  });

  test('about an attachment that was made anew is told again', async () => {
    await report({ namespaces: [] });
    reporter.forget('lan');
    await report({ namespaces: [] });
    expect(told).toHaveLength(2);
  });
});
