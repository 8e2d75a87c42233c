// An attachment that cannot be held: nothing is made for it, and its status says why.
import { beforeEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../src/api/kube.ts';
import type { MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import { Applier } from '../../../src/controller/attachment/apply.ts';
import { HolderSearch } from '../../../src/controller/attachment/holders.ts';
import { reconcileAttachment } from '../../../src/controller/attachment/reconciler.ts';
import { Reporter } from '../../../src/controller/attachment/report.ts';
import { Reports } from '../../../src/controller/attachment/reports.ts';
import { OwnWrites } from '../../../src/controller/own-writes.ts';
import { createStores } from '../../../src/controller/stores.ts';
import type { Reconcile } from '../../../src/kernel/controller/controller.ts';
import type { KubeClient } from '../../../src/kernel/kube/client.ts';
import { ApiError } from '../../../src/kernel/kube/transport.ts';
import { attachment, conditionOf, namespace } from '../../support/builders.ts';
import { silentLogger } from '../../support/silent-logger.ts';

let refusal: ApiError;
let created: string[];
let applied: MacvlanAttachment[];
let reconcile: Reconcile;
const { signal } = new AbortController();

beforeEach(() => {
  [created, applied] = [[], []];
  const fake = {
    jsonPatch: async () => Promise.reject(refusal),
    create: async (_kind: unknown, object: KubeObject) => void created.push(object.metadata.name),
    apply: async (_kind: unknown, object: MacvlanAttachment) => {
      applied.push(object);
      return object;
    },
  };
  const client = fake as unknown as KubeClient;
  const stores = createStores();
  const written = { attachments: new OwnWrites(stores.attachments), definitions: new OwnWrites(stores.definitions) };
  stores.namespaces.upsert(namespace('home'));
  stores.attachments.upsert(attachment({ metadata: { finalizers: [], resourceVersion: '7' } }));
  reconcile = reconcileAttachment({
    client,
    sight: { stores, reports: new Reports(), ...written, multus: () => 'Present' },
    holders: new HolderSearch({ client, attachments: () => [] }),
    applier: new Applier({ client, written: written.definitions, logger: silentLogger() }),
    reporter: new Reporter({ client, events: { record: () => {} }, written: written.attachments }),
  });
});

test('a refused finalizer is told in the status, and nothing is made without it', async () => {
  refusal = new ApiError('PATCH …: 403 denied by policy', { status: 403, reason: 'Forbidden' });
  expect(await reconcile('lan', signal)).toEqual({ type: 'retry', error: refusal });
  expect(applied[0]?.status?.problems?.[0]).toMatchObject({
    reason: 'ApplyFailed',
    message: 'putting the finalizer on: PATCH …: 403 denied by policy',
  });
  expect(conditionOf(applied[0]?.status?.conditions, 'Rendered').status).toBe('False');
  expect(created).toEqual([]);
});

test('a conflict is tried again without a word: somebody wrote in between', async () => {
  refusal = new ApiError('changed', { status: 409, reason: 'Conflict' });
  await expect(reconcile('lan', signal)).rejects.toBe(refusal);
  expect(applied).toEqual([]);
});
