import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Kind, KubeObject, Pod } from '../../../src/api/kube.ts';
import { ANNOTATION_NETWORK_STATUS } from '../../../src/api/multus.ts';
import { HolderSearch } from '../../../src/controller/attachment/holders.ts';
import type { AttachmentFacts } from '../../../src/domain/attachment/facts.ts';
import type { KubeClient } from '../../../src/kernel/kube/client.ts';
import { attachment, deleted, facts, held, node, nodePod } from '../../support/builders.ts';

function pod(name: string, networks: readonly string[] = ['home/lan'], nodeName = 'a'): Pod {
  const status = networks.map((network) => ({ name: network, interface: 'net1' }));
  const annotations = { [ANNOTATION_NETWORK_STATUS]: JSON.stringify(status) };
  return { metadata: { namespace: 'home', name, uid: `uid-${name}`, annotations }, spec: { nodeName } };
}

let pods: readonly Pod[];
let reads: string[];
let search: HolderSearch;
let reader: Pick<KubeClient, 'get' | 'listPage'>;
const { signal } = new AbortController();

beforeEach(() => {
  pods = [];
  reads = [];
  // The pods of a cluster, two to a page, and a note of each request.
  reader = {
    get: async (_kind: Kind, { name }: { readonly name: string }) => {
      reads.push(`get ${name}`);
      return pods.find((candidate) => candidate.metadata.name === name);
    },
    listPage: async (_kind: Kind, { continueToken = '' }: { readonly continueToken?: string }) => {
      const from = Number(continueToken);
      reads.push(`list ${from}`);
      const now = pods;
      await new Promise((resolve) => setImmediate(resolve));
      const token = from + 2 < now.length ? String(from + 2) : '';
      return { items: now.slice(from, from + 2) as KubeObject[], resourceVersion: '1', continueToken: token };
    },
  } as unknown as Pick<KubeClient, 'get' | 'listPage'>;
  search = new HolderSearch({ client: reader, attachments: () => ['lan', 'wan'] });
});

function about(init: Partial<AttachmentFacts> = {}, ...claimed: readonly string[]): AttachmentFacts {
  const reports = [{ node: 'a', entry: undefined, pods: claimed.map((name) => nodePod(name)) }];
  return facts({ attachment: deleted(), nodes: [node('a')], reports, ...init });
}

const holdersOf = async (given: AttachmentFacts) => (await search.complete(given, signal)).facts.holders;

describe('pods are asked', () => {
  test('only where the next step of a deletion depends on them', async () => {
    const force = { annotations: { 'macvlan.dev/force': 'true' } };
    for (const one of [
      undefined,
      attachment(),
      deleted({ metadata: force }),
      deleted({ status: { phase: 'Cleaning' } }),
      deleted({ metadata: { finalizers: ['other'] } }),
    ]) {
      expect(await holdersOf(about({ attachment: one }, 'web'))).toBe('NotAsked');
    }
    expect(reads).toEqual([]);
  });

  test('one by one while agents speak of them, and all of them only when none of these is attached', async () => {
    pods = [pod('web'), pod('db')];
    expect(await holdersOf(about({}, 'db', 'web'))).toMatchObject(held('db', 'web'));
    expect(reads).toEqual(['get db', 'get web']);
  });

  test('not one by one when they never got a link', async () => {
    const reports = [{ node: 'a', entry: undefined, pods: [nodePod('web', { state: 'NeverAttached' })] }];
    expect(await holdersOf(about({ reports }))).toEqual(held());
    expect(reads).toEqual(['list 0']);
  });

  test('no more than are named in the message; the others are counted', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `web-${index}`);
    pods = names.map((name) => pod(name));
    expect(await holdersOf(about({}, ...names))).toMatchObject({ ...held(...names.slice(0, 5)), more: 4 });
    expect(reads).toHaveLength(5);
  });

  test('once, however many links they have', async () => {
    pods = [pod('web', ['home/lan', 'home/lan'])];
    expect(await holdersOf(about({}, 'web', 'web'))).toMatchObject(held('web'));
    expect(await holdersOf(about())).toEqual(held('web'));
    expect(reads).toEqual(['get web', 'list 0']);
  });

  test('only so often when an agent lies: then all are looked through, page by page', async () => {
    const lies = Array.from({ length: 1000 }, (_, index) => `lie-${String(index).padStart(4, '0')}`);
    pods = [pod('one', []), pod('two', ['home/wan']), pod('web')];
    expect(await holdersOf(about({}, ...lies))).toEqual(held('web'));
    expect(reads).toHaveLength(22);
    expect(reads.slice(20)).toEqual(['list 0', 'list 2']);
  });
});

test("pods on somebody else's NAD of the same name hold nothing up", async () => {
  const isForeign = (namespace: string) => namespace === 'work';
  search = new HolderSearch({ client: reader, attachments: () => ['lan'], isForeign });
  pods = [pod('web', ['work/lan'])];
  expect(await holdersOf(about({}, 'web'))).toEqual(held());
});

describe('pods that no agent speaks of', () => {
  test('are asked one by one once they were found, until none is left; then all are looked through again', async () => {
    pods = [pod('web'), pod('db'), pod('other', [])];
    expect(await holdersOf(about())).toEqual(held('web', 'db'));
    expect(await holdersOf(about())).toEqual(held('web', 'db'));
    pods = [pod('db'), pod('new')];
    expect(await holdersOf(about())).toEqual(held('db'));
    expect(reads).toEqual(['list 0', 'list 2', 'get web', 'get db', 'get web', 'get db']);
    pods = [pod('new')];
    expect(await holdersOf(about())).toEqual(held('new'));
    expect(reads.slice(6)).toEqual(['get db', 'list 0']);
  });

  test('do not stand for others once their node no longer counts', async () => {
    pods = [pod('web'), pod('db', ['home/lan'], 'b')];
    const nodes = [node('a'), node('b')];
    await holdersOf(about({ nodes }));
    const gone = [node('a', { ready: 'Unknown' }), node('b', { ready: 'Unknown' })];
    pods = [...pods, pod('new')];
    await holdersOf(about({ nodes: gone }));
    expect(reads.filter((read) => read.startsWith('list'))).toHaveLength(3);
  });
});

describe('attachments that are deleted together', () => {
  test('share one look through the pods', async () => {
    pods = [pod('web'), pod('db', ['home/wan'])];
    const wan = about({ name: 'wan', attachment: deleted({ name: 'wan' }) });
    expect(await Promise.all([holdersOf(about()), holdersOf(wan)])).toEqual([held('web'), held('db')]);
    expect(reads).toEqual(['list 0']);
  });

  test('do not share a look that began before they asked: a pod may have come since', async () => {
    const first = holdersOf(about());
    while (reads.length === 0) await Promise.resolve();
    pods = [pod('web')];
    expect(await Promise.all([first, holdersOf(about())])).toEqual([held(), held('web')]);
    expect(reads).toEqual(['list 0', 'list 0']);
  });
});

test('an API server that does not answer leaves the question open, for the time being', async () => {
  const broken = async () => Promise.reject(new Error('no answer'));
  search = new HolderSearch({ client: { get: broken, listPage: broken }, attachments: () => ['lan'] });
  for (const given of [about(), about({}, 'web')]) {
    const { facts: found, error } = await search.complete(given, signal);
    expect(found.holders).toBe('NotAsked');
    expect(String(error)).toContain('asking pods whether they are attached to lan');
  }
});
