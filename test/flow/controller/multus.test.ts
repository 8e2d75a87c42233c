// A cluster without Multus: said, survived, and over as soon as its kind appears.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { attachment } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/until.ts';
import {
  installKinds,
  installMultus,
  kubectl,
  makeNamespace,
  makeNode,
  openWorld,
  readAttachment,
  readNad,
  untilReason,
  type World,
} from './world.ts';

let world: World;
afterAll(() => world.stopAll(), 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();

beforeAll(async () => {
  world = openWorld(plane());
  await installKinds(plane(), 'WithoutMultus');
  await makeNamespace(world.client, 'home');
}, 60_000);

test('an attachment waits for Multus with a reason and a remedy, while nodes get their agents', async () => {
  world.start();
  await world.client.create(ATTACHMENT, attachment({ metadata: { name: 'lan' } }));
  const object = await untilReason(world.client, 'lan', 'Rendered', 'MultusMissing');
  expect(object.status?.problems?.[0]?.remedy).toContain('Install Multus');
  await makeNode(world.client, 'node-a');
  await until('the node is labelled', async () =>
    (await kubectl(plane(), ['get', 'node', 'node-a', '-o', 'jsonpath={.metadata.labels}'])).includes(
      'macvlan.dev/agent',
    ),
  );
});

test('an attachment can be deleted while Multus is missing', async () => {
  await world.client.create(ATTACHMENT, attachment({ metadata: { name: 'gone' } }));
  await untilReason(world.client, 'gone', 'Rendered', 'MultusMissing');
  await world.client.delete(ATTACHMENT, { name: 'gone' });
  await until('it is gone', async () => (await readAttachment(world.client, 'gone')) === undefined);
});

test('the NAD is there soon after Multus was installed, without anybody touching the attachment', async () => {
  await installMultus(plane());
  await until('the NAD', () => readNad(world.client, 'home', 'lan').catch(() => undefined), 30_000);
  await untilReason(world.client, 'lan', 'Rendered', 'UpToDate');
}, 60_000);

test('Multus going away is said, and its return brings the NAD back', async () => {
  await kubectl(plane(), ['delete', '-f', 'test/support/multus-crd.yaml']);
  await untilReason(world.client, 'lan', 'Rendered', 'MultusMissing');
  await installMultus(plane());
  await until('the NAD', () => readNad(world.client, 'home', 'lan').catch(() => undefined), 30_000);
  await untilReason(world.client, 'lan', 'Rendered', 'UpToDate');
}, 60_000);
