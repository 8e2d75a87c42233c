// The last chapter but one: an attachment is deleted. Not while pods use it; then nothing of it is left anywhere.
import { compareSnapshots, takeSnapshot } from '../snapshot.ts';
import { type Chapter, deletePods, kubectl, OPERATOR_NAMESPACE, type World } from '../world.ts';

export const removal: Chapter = {
  title: 'The attachment is deleted',
  tell: async (world) => {
    await refusedWhilePodsAreAttached(world);
    await deletePods(world, 'home', ['pihole', 'adguard', 'plain']);
    await deletePods(world, 'media', ['jellyfin']);
    await kubectl(world, ['delete', 'mva', 'lan-dhcp', '--wait=false']);
    for (const name of ['lan', 'lan-dhcp']) {
      await world.stage.eventually(`attachment ${name} is gone once its pods are`, () => isGone(world, ['mva', name]));
    }
    for (const [what, name] of [
      ['agents', 'macvlan-agent'],
      ['DHCP daemons', 'macvlan-dhcp'],
    ] as const) {
      await world.stage.eventually(`the ${what} are gone with the last attachment`, () =>
        isGone(world, ['-n', OPERATOR_NAMESPACE, 'daemonset', name]),
      );
    }
    for (const namespace of ['home', 'media']) await world.cluster.kubectl(['delete', 'namespace', namespace]);
    await world.stage.eventually('identities went with their namespace, and their claims with them', async () => {
      const claims = await world.cluster.kubectl(['get', 'mvc', '-o', 'name']);
      return claims.code === 0 && claims.stdout === '';
    });
    await world.stage.eventually(
      'nothing is left behind: links, altnames, addresses, routes, neighbours, labels, NADs are as before',
      async () => {
        const difference = compareSnapshots(world.before, await takeSnapshot(world));
        if (difference.length > 0) throw new Error(difference.join('; '));
        return true;
      },
      { timeoutMs: 30_000, everyMs: 500 },
    );
  },
};

async function refusedWhilePodsAreAttached(world: World): Promise<void> {
  await kubectl(world, ['delete', 'mva', 'lan', '--wait=false']);
  await world.stage.eventually('deletion waits for the attached pods, and says which', async () => {
    const said = await world.cluster.kubectl([
      'get',
      'mva',
      'lan',
      '-o',
      'jsonpath={.status.phase} {.status.problems[*].message}',
    ]);
    return (
      said.stdout.startsWith('Draining') && ['home/pihole', 'media/jellyfin'].every((pod) => said.stdout.includes(pod))
    );
  });
  await kubectl(world, ['get', 'mva', 'lan', '-o', 'wide']);
}

async function isGone(world: World, what: readonly string[]): Promise<boolean> {
  const got = await world.cluster.kubectl(['get', ...what]);
  return got.code !== 0 && /NotFound/.test(got.stderr);
}
