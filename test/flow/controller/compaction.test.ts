// The controller is cut off for so long that the API server and etcd forget where it stood: it lists again, and misses nothing.
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { NAMESPACE } from '../../../src/api/kube.ts';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../../src/api/multus.ts';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { attachment } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { FaultProxy, lists } from '../../support/fault-proxy.ts';
import { until } from '../../support/until.ts';
import {
  installKinds,
  makeNamespace,
  openWorld,
  type RunningController,
  readNad,
  untilQuiet,
  untilReason,
  type World,
} from './world.ts';

let world: World;
let proxy: FaultProxy;
let controller: RunningController;
afterAll(async () => {
  await world.stopAll();
  await proxy.stop();
}, 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();

beforeAll(async () => {
  world = openWorld(plane());
  proxy = new FaultProxy(plane());
  await proxy.start();
  await installKinds(plane(), 'WithMultus');
  await makeNamespace(world.client, 'home');
  controller = world.start({ proxy: proxy.url, timing: { leaseMs: 120_000, renewMs: 90_000 } });
}, 60_000);

/** etcd's own API, as JSON over its socket. */
function askEtcd(path: string, body: object): Promise<{ readonly header?: { readonly revision?: string } }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: join(plane().stateDir, 'etcd.sock'), path, method: 'POST' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as object);
        else reject(new Error(`etcd ${path}: ${response.statusCode} ${text}`));
      });
    });
    asked.on('error', reject);
    asked.end(JSON.stringify(body));
  });
}

test('changes that nobody remembers one by one are found by listing again', async () => {
  const make = (name: string) => world.client.create(ATTACHMENT, attachment({ metadata: { name, finalizers: [] } }));
  for (const name of ['kept', 'deleted', 'edited']) await make(name);
  for (const name of ['kept', 'deleted', 'edited']) await untilReason(world.client, name, 'Rendered', 'UpToDate');
  await untilQuiet(controller);

  proxy.inject(() => true, { type: 'reset', afterLines: 0 }, Number.POSITIVE_INFINITY);
  proxy.cut();
  await world.client.delete(NETWORK_ATTACHMENT_DEFINITION, { namespace: 'home', name: 'kept' });
  await world.client.delete(ATTACHMENT, { name: 'deleted' });
  await world.client.mergePatch(ATTACHMENT, { name: 'edited' }, { spec: { mtu: 1400 } });
  await make('new');
  await world.client.create(NAMESPACE, { metadata: { name: 'shop' } });
  await world.client.mergePatch(ATTACHMENT, { name: 'edited' }, { spec: { namespaces: { names: ['home', 'shop'] } } });
  const { header } = await askEtcd('/v3/kv/range', { key: Buffer.from('nothing').toString('base64') });
  await askEtcd('/v3/kv/compaction', { revision: header?.revision, physical: true });
  await plane().restartApiServer();
  const seen = proxy.requests.length;
  proxy.clear();

  const nad = (namespace: string, name: string) => readNad(world.client, namespace, name);
  await until('the deleted NAD is back', () => nad('home', 'kept'), 60_000);
  await until('the new one is there', () => nad('home', 'new'), 60_000);
  await until('the edited one is in both namespaces', () => nad('shop', 'edited'), 60_000);
  const isGone = async () => (await nad('home', 'deleted')) === undefined;
  await until('that of the deleted attachment is gone', isGone, 60_000);
  expect((await nad('home', 'edited'))?.spec?.config).toContain('"mtu":1400');
  const listed = proxy.requests.slice(seen).filter(lists);
  for (const kind of ['macvlanattachments', 'namespaces', 'network-attachment-definitions']) {
    expect(listed.some(({ path }) => path.endsWith(`/${kind}`))).toBe(true);
  }
  expect(controller.app.leads()).toBe(true);
}, 180_000);
