// Pods that wait while no controller is there: who may let them go, and who may not.
import { beforeAll, expect, test } from '@jest/globals';
import { until } from '../../support/until.ts';
import { useIdentityWorld } from './use-world.ts';
import { HOME, type IdentityWorld } from './world.ts';

let world: IdentityWorld;
const opened = useIdentityWorld();

beforeAll(async () => {
  world = opened();
  await world.makePod('web-0');
  const grant = ['clusterrolebinding', 'alice', '--clusterrole=cluster-admin', '--user=alice'];
  expect((await world.plane.kubectl(['create', ...grant])).code).toBe(0);
  // A policy works a moment after it is there, each in its own time.
  await until('the policy works', async () =>
    (await letGo('--as=alice', '--dry-run=server')).stderr.includes('removed by the macvlan controller'),
  );
}, 600_000);

const letGo = (...as: string[]) => {
  const patch = JSON.stringify([{ op: 'remove', path: '/spec/schedulingGates' }]);
  return world.plane.kubectl(['-n', HOME, 'patch', 'pod', 'web-0', '--type=json', '--patch', patch, ...as]);
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
