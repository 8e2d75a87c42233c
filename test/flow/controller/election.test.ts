// Two replicas: one works, the other watches, and takes over when the first one goes or is cut off.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
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
let first: RunningController;
let second: RunningController;

beforeAll(async () => {
  world = openWorld(plane());
  await installKinds(plane(), 'WithMultus');
  await makeNamespace(world.client, 'home');
}, 60_000);

const make = (name: string) => world.client.create(ATTACHMENT, attachment({ metadata: { name } }));

test('only the leader writes', async () => {
  first = world.start({ podName: 'controller-0' });
  await until('the first leads', () => first.app.leads());
  second = world.start({ podName: 'controller-1' });
  await second.app.synced;
  await make('one');
  await untilReason(world.client, 'one', 'Rendered', 'UpToDate');
  expect(first.writes.length).toBeGreaterThan(0);
  expect(second.writes).toEqual([]);
  expect(second.app.notReady()).toBeUndefined();
});

test('a leader that ends hands over, and its successor writes nothing that is right already', async () => {
  await first.stop();
  await until('the second leads', () => second.app.leads());
  await make('two');
  await untilReason(world.client, 'two', 'Rendered', 'UpToDate');
  expect(second.writes.filter((write) => write.includes('/one'))).toEqual([]);
  first = world.start({ podName: 'controller-0' });
  await first.app.synced;
});

test('a leader that is cut off ends by itself, and the other one takes over', async () => {
  second.kill();
  await expect(second.ended).rejects.toThrow('leadership lost');
  await until('the first leads', () => first.app.leads());
  await make('three');
  await until('the NAD', () => readNad(world.client, 'home', 'three'));
});
