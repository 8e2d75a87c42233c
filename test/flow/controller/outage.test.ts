// The API server goes away and comes back: the controller goes on where it was.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { NETWORK_ATTACHMENT_DEFINITION } from '../../../src/api/multus.ts';
import { ATTACHMENT } from '../../../src/api/v1alpha1/attachment.ts';
import { attachment } from '../../support/builders.ts';
import { useControlPlane } from '../../support/control-plane.ts';
import { until } from '../../support/until.ts';
import {
  installKinds,
  makeNamespace,
  openWorld,
  type RunningController,
  readNad,
  untilReason,
  type World,
} from './world.ts';

let world: World;
afterAll(() => world.stopAll(), 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();
let controller: RunningController;

beforeAll(async () => {
  world = openWorld(plane());
  await installKinds(plane(), 'WithMultus');
  await makeNamespace(world.client, 'home');
  controller = world.start({ timing: { leaseMs: 60_000, renewMs: 40_000 } });
}, 60_000);

test('after a restart of the API server NADs are restored and new attachments rendered, by the same process', async () => {
  await world.client.create(ATTACHMENT, attachment({ metadata: { name: 'before' } }));
  await untilReason(world.client, 'before', 'Rendered', 'UpToDate');
  await plane().restartApiServer();
  expect(controller.app.leads()).toBe(true);
  await world.client.delete(NETWORK_ATTACHMENT_DEFINITION, { namespace: 'home', name: 'before' });
  await world.client.create(ATTACHMENT, attachment({ metadata: { name: 'after' } }));
  await until('the new NAD', () => readNad(world.client, 'home', 'after'), 30_000);
  await until('the old NAD is back', () => readNad(world.client, 'home', 'before'), 30_000);
}, 90_000);
