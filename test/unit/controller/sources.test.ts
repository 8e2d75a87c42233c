import { beforeEach, describe, expect, test } from '@jest/globals';
import type { MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import { Reports } from '../../../src/controller/attachment/reports.ts';
import { connectSources, wakeAll } from '../../../src/controller/sources.ts';
import { createStores, type Stores } from '../../../src/controller/stores.ts';
import {
  attachment,
  definition,
  deleted,
  namespace,
  node,
  nodeEntry,
  nodePod,
  nodeState,
} from '../../support/builders.ts';

let stores: Stores;
let woken: string[];
let version = 0;

/** The object with a version of its own, as the API server gives one to each write. */
function next<T extends { metadata: object }>(object: T): T {
  version += 1;
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}
const wokenBy = (act: () => void) => {
  woken = [];
  act();
  return [...new Set(woken)].toSorted();
};
const put = (object: MacvlanAttachment) => stores.attachments.upsert(next(object));
const onLabel = attachment({
  name: 'wan',
  spec: { nodeSelector: { matchLabels: { wan: 'yes' } }, namespaces: { selector: { matchLabels: { wan: 'yes' } } } },
});

beforeEach(() => {
  stores = createStores();
  woken = [];
  connectSources(stores, new Reports(), {
    attachment: (key) => woken.push(`attachment ${key}`),
    attachmentSoon: (key) => woken.push(`soon attachment ${key}`),
    node: (key) => woken.push(`node ${key}`),
    daemonSet: () => woken.push('daemonset'),
    pod: (key) => woken.push(`pod ${key}`),
    identities: (key) => woken.push(`identities ${key}`),
    unbound: (key) => woken.push(`unbound ${key}`),
  });
  put(attachment());
  put(onLabel);
  stores.nodes.upsert(next(node('a')));
});

describe('an attachment wakes', () => {
  test('itself and the nodes that it takes when it appears or goes', () => {
    expect(wokenBy(() => put(attachment({ name: 'new' })))).toEqual(['attachment new', 'node a']);
    expect(wokenBy(() => stores.attachments.remove('new'))).toEqual(['attachment new', 'node a']);
  });

  test('itself alone, and not at once, when only its status changed', () => {
    expect(wokenBy(() => put(attachment({ status: { summary: '1/1' } })))).toEqual(['soon attachment lan']);
  });

  test('nobody when it was only written', () => {
    expect(wokenBy(() => put(attachment({ metadata: { managedFields: [] } as object })))).toEqual([]);
  });

  test.each([
    { annotations: { 'macvlan.dev/force': 'true' } },
    { finalizers: [] },
    { generation: 2 },
    { labels: { a: 'b' } },
  ])('itself at once when a user changed %j', (metadata) => {
    expect(wokenBy(() => put(attachment({ metadata })))).toEqual(['attachment lan']);
  });

  test('the nodes that it took or takes when its selection of nodes changes', () => {
    expect(
      wokenBy(() => put(attachment({ name: 'lan', spec: { nodeSelector: { matchLabels: { x: 'y' } } } }))),
    ).toEqual(['attachment lan', 'node a']);
  });

  test('the DaemonSet and the pods without their link when it wants something else to be done about them', () => {
    stores.nodeStates.upsert(
      next(nodeState('a', [nodeEntry()], { pods: [nodePod('web'), nodePod('db', { state: 'Ghost' })] })),
    );
    const woken = wokenBy(() => put(attachment({ spec: { repair: { type: 'Recreate' } } })));
    expect(woken).toEqual(expect.arrayContaining(['daemonset', 'pod a/home/db']));
    expect(woken).not.toContain('pod a/home/web');
  });

  test('its nodes when its clean-up begins', () => {
    put(deleted({ status: { phase: 'Draining' } }));
    expect(wokenBy(() => put(deleted({ status: { phase: 'Cleaning' } })))).toEqual(['node a', 'soon attachment lan']);
  });
});

describe('a namespace wakes', () => {
  test('the attachments that name or select it', () => {
    expect(wokenBy(() => stores.namespaces.upsert(next(namespace('home'))))).toEqual(['attachment lan']);
    expect(wokenBy(() => stores.namespaces.upsert(next(namespace('work', { wan: 'yes' }))))).toEqual([
      'attachment wan',
    ]);
    expect(wokenBy(() => stores.namespaces.upsert(next(namespace('work'))))).toEqual(['attachment wan']);
  });

  test('nobody when nothing that matters changed', () => {
    stores.namespaces.upsert(next(namespace('home')));
    expect(wokenBy(() => stores.namespaces.upsert(next(namespace('home'))))).toEqual([]);
  });
});

describe('a node wakes', () => {
  test('itself and the attachments that take it', () => {
    expect(wokenBy(() => stores.nodes.upsert(next(node('b', { labels: { wan: 'yes' } }))))).toEqual([
      'attachment lan',
      'attachment wan',
      'node b',
    ]);
  });

  test('nobody when its kubelet only says that it is alive', () => {
    expect(wokenBy(() => stores.nodes.upsert(next(node('a'))))).toEqual([]);
  });

  test('itself alone when a label changes by which nobody selects', () => {
    const ready = node('a', { labels: { 'attachment.macvlan.dev/lan': 'ready' } });
    expect(wokenBy(() => stores.nodes.upsert(next(ready)))).toEqual(['node a']);
  });

  test('the attachments that it joins or leaves by its labels', () => {
    const joins = wokenBy(() => stores.nodes.upsert(next(node('a', { labels: { wan: 'yes' } }))));
    expect(joins).toEqual(['attachment wan', 'node a']);
    expect(wokenBy(() => stores.nodes.upsert(next(node('a'))))).toEqual(['attachment wan', 'node a']);
  });

  test('the attachments that take it when it is Ready, or no longer so', () => {
    const notReady = wokenBy(() => stores.nodes.upsert(next(node('a', { ready: 'Unknown' }))));
    expect(notReady).toEqual(['attachment lan', 'node a']);
  });

  test('the DaemonSet when its label comes or goes', () => {
    const labelled = node('a', { labels: { 'macvlan.dev/agent': 'true' } });
    expect(wokenBy(() => stores.nodes.upsert(next(labelled)))).toContain('daemonset');
    expect(wokenBy(() => stores.nodes.upsert(next(node('a'))))).toContain('daemonset');
  });

  test('deleted attachments, which may wait for it whatever its labels are', () => {
    put(deleted({ name: 'old', spec: { nodeSelector: { matchLabels: { never: 'x' } } } }));
    expect(wokenBy(() => stores.nodes.upsert(next(node('a', { ready: 'Unknown' }))))).toContain('attachment old');
  });
});

describe('a node state wakes', () => {
  const state = (entries = [nodeEntry()], pods: readonly ReturnType<typeof nodePod>[] = []) =>
    next(nodeState('a', entries, { pods }));

  test('its node and the attachments about which it says something new', () => {
    expect(wokenBy(() => stores.nodeStates.upsert(state()))).toEqual(['node a', 'soon attachment lan']);
    expect(wokenBy(() => stores.nodeStates.upsert(state([nodeEntry(), nodeEntry({ name: 'wan' })])))).toEqual([
      'node a',
      'soon attachment wan',
    ]);
    expect(wokenBy(() => stores.nodeStates.upsert(state([nodeEntry()], [nodePod('web')])))).toEqual([
      'node a',
      'soon attachment lan',
      'soon attachment wan',
    ]);
    expect(wokenBy(() => stores.nodeStates.remove('a'))).toEqual(['node a', 'soon attachment lan']);
  });

  test('pods of which it says that their link is not as it should be', () => {
    stores.nodeStates.upsert(state([nodeEntry()], [nodePod('web'), nodePod('db')]));
    const gone = [nodePod('web', { state: 'Ghost' }), nodePod('db')];
    expect(wokenBy(() => stores.nodeStates.upsert(state([nodeEntry()], gone)))).toContain('pod a/home/web');
  });

  test('its node alone when it says nothing new about attachments', () => {
    stores.nodeStates.upsert(state());
    expect(wokenBy(() => stores.nodeStates.upsert(state()))).toEqual(['node a']);
  });

  test('the identities whose holders are gone, as it says anew', () => {
    const holder = { pod: 'db-0', uid: 'u1', node: 'a' };
    const metadata = { name: 'statefulset-db-0', namespace: 'home' };
    stores.identities.upsert(next({ metadata, spec: {}, status: { phase: 'Bound', holder } } as const));
    const ended = (...uids: string[]) => ({ ended: uids.map((uid) => ({ namespace: 'home', name: 'x', uid })) });
    stores.nodeStates.upsert(next(nodeState('a', [], ended('other'))));
    const say = (...uids: string[]) =>
      wokenBy(() => stores.nodeStates.upsert(next(nodeState('a', [], ended(...uids)))));
    expect(say('other', 'u1')).toContain('identities home/statefulset-db-0');
    expect(say('other', 'u1', 'u2')).not.toContain('identities home/statefulset-db-0');
  });

  test('attachments with pools when it says anew on which NIC one is: they may be on one LAN', () => {
    const range = { subnet: '192.0.2.0/24' };
    put(attachment({ name: 'pool', spec: { ipam: { type: 'Pool', pool: { ranges: [range] } } } }));
    stores.nodeStates.upsert(next(nodeState('a', [nodeEntry({ incarnation: 'boot/2' })])));
    const say = (incarnation: string) =>
      wokenBy(() => stores.nodeStates.upsert(next(nodeState('a', [nodeEntry({ incarnation })]))));
    expect(say('boot/3')).toContain('soon attachment pool');
    expect(say('boot/3')).not.toContain('soon attachment pool');
  });
});

test('a NAD wakes the attachment of its name, whatever its label says', () => {
  expect(wokenBy(() => stores.definitions.upsert(next(definition('home'))))).toEqual(['attachment lan']);
  const edited = { metadata: { name: 'lan', namespace: 'home', labels: { 'macvlan.dev/attachment': 'wan' } } };
  expect(wokenBy(() => stores.definitions.upsert(next(edited)))).toEqual(['attachment lan']);
  expect(wokenBy(() => stores.definitions.remove('home/lan'))).toEqual(['attachment lan']);
});

test('the safety net asks for everything, and for attachments of which only a NAD is left', () => {
  stores.definitions.upsert(next(definition('home', 'orphan')));
  stores.nodeStates.upsert(next(nodeState('gone')));
  const wakes = {
    attachment: (key: string) => void woken.push(`attachment ${key}`),
    attachmentSoon: () => {},
    node: (key: string) => void woken.push(`node ${key}`),
    daemonSet: () => void woken.push('daemonset'),
    pod: (key: string) => void woken.push(`pod ${key}`),
    identities: (key: string) => void woken.push(`identities ${key}`),
    unbound: (key: string) => void woken.push(`unbound ${key}`),
  };
  expect(wokenBy(() => wakeAll(stores, wakes))).toEqual([
    'attachment lan',
    'attachment orphan',
    'attachment wan',
    'daemonset',
    'node a',
    'node gone',
  ]);
});
