// A namespace that may have no more identities.
import { IDENTITY } from '../../../src/api/v1alpha1/identity.ts';
import { until } from '../../support/until.ts';
import { refusal } from './tenant.ts';
import type { IdentityWorld } from './world.ts';

/** A quota `q` on identities in the namespace that is used up, with what the controller-manager would write, which is not here. */
export async function exhaustQuota(world: IdentityWorld, namespace: string): Promise<void> {
  const hard = { 'count/macvlanidentities.macvlan.dev': '1' };
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q', namespace }, spec: { hard } };
  await world.plane.kubectl(['create', '-f', '-'], { input: JSON.stringify(quota) });
  const status = JSON.stringify({ status: { hard, used: hard } });
  const patch = ['--subresource=status', '--type=merge', '-p', status];
  await world.kubectl('-n', namespace, 'patch', 'resourcequota', 'q', ...patch);
  const probe = { metadata: { namespace, name: 'probe' }, spec: {} };
  await until('the quota holds', async () =>
    (await refusal(world.client.create(IDENTITY, probe))).includes('exceeded quota'),
  );
}
