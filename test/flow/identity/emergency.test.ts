// Pods that wait while no controller is there: who may let them go, and who may not.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { useControlPlane } from '../../support/control-plane.ts';
import { HOME, IdentityWorld } from './world.ts';

let world: IdentityWorld;
afterAll(() => world.stopAll(), 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();

beforeAll(async () => {
  world = new IdentityWorld(plane());
  await world.install();
  await world.makePod('web-0');
  const grant = ['clusterrolebinding', 'alice', '--clusterrole=cluster-admin', '--user=alice'];
  expect((await plane().kubectl(['create', ...grant])).code).toBe(0);
}, 600_000);

const letGo = (...as: string[]) => {
  const patch = JSON.stringify([{ op: 'remove', path: '/spec/schedulingGates' }]);
  return plane().kubectl(['-n', HOME, 'patch', 'pod', 'web-0', '--type=json', '--patch', patch, ...as]);
};
const gatesOf = async () => (await world.pod('web-0'))?.spec;

test('an administrator may not', async () => {
  const { code, stderr } = await letGo('--as=alice');
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('removed by the macvlan controller') });
  expect(await gatesOf()).toHaveProperty('schedulingGates');
});

test('whoever has the credentials of last resort may, as docs/operations/controller-away.md says', async () => {
  const { code, stderr } = await letGo();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(await gatesOf()).not.toHaveProperty('schedulingGates');
});
