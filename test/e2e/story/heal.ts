// Chapter five: somebody breaks things, and they come back. Times are printed, not judged.
import type { NodeHandle } from '../../cluster/cluster.ts';
import { compareSnapshots, type Snapshot } from '../snapshot.ts';
import type { Outcome } from '../stage.ts';
import {
  type Chapter,
  kubectl,
  kubeJson,
  nodeOf,
  OPERATOR_NAMESPACE,
  pingFrom,
  reaches,
  type World,
} from '../world.ts';

export const heal: Chapter = {
  title: 'Somebody breaks things',
  tell: async (world) => {
    await lanKnowsTheNodesByTheirParents(world);
    await shimComesBack(world);
    await nadIsRestored(world);
    await daemonSetIsRestored(world);
    await cableIsPulled(world);
    await lanKnowsTheNodesByTheirParents(world);
  },
};

async function lanKnowsTheNodesByTheirParents(world: World): Promise<void> {
  const { client, toolbox, nodes } = world.cluster;
  for (const node of nodes) {
    const parent = JSON.parse((await node.exec(['ip', '-j', 'link', 'show', node.parent])).stdout) as {
      address: string;
    }[];
    const answers = await world.stage.show(`LAN client: who has ${node.lanAddress}? (20 times)`, () =>
      quietly(client.exec([toolbox, 'arping', '--iface', client.interface, node.lanAddress, '-c', '20', '-W', '0.1'])),
    );
    const macs = new Set(answers.stdout.match(/([0-9a-f]{2}:){5}[0-9a-f]{2}/g) ?? []);
    const expected = parent[0]?.address ?? '';
    world.stage.check(
      `the LAN knows ${node.name} by its parent's MAC only`,
      macs.size === 1 && macs.has(expected),
      [...macs].join(),
    );
  }
}

/** The last line alone: it sums up. */
async function quietly(running: Promise<Outcome>): Promise<Outcome> {
  const outcome = await running;
  return { ...outcome, stdout: outcome.stdout.trimEnd().split('\n').at(-1) ?? '' };
}

async function shimComesBack(world: World): Promise<void> {
  const node = nodeOf(world, 'node-a');
  const shim = await shimOf(world);
  const before = await shimFacts(node, shim);
  await world.stage.show(`node-a: ip link del ${shim}`, () => node.exec(['ip', 'link', 'del', shim]));
  const isBack = async () => {
    const difference = compareSnapshots(before, await shimFacts(node, shim));
    if (difference.length > 0) throw new Error(difference.join('; '));
    return true;
  };
  await world.stage.eventually('the shim is back, with address, routes and neighbours', isBack, {
    everyMs: 5,
    timeoutMs: 20_000,
  });
  const pod = await kubeJson<{ metadata: { annotations: Record<string, string> } }>(world, [
    '-n',
    'home',
    'get',
    'pod',
    'pihole',
  ]);
  const ip = /"192\.0\.2\.\d+"/
    .exec(pod.metadata.annotations['k8s.v1.cni.cncf.io/network-status'] ?? '')?.[0]
    .replaceAll('"', '');
  await reaches(world, 'node-a reaches its pod again', pingFrom('node-a', node, ip ?? ''));
}

/** What is on the shim; sorted, since the kernel's order of neighbours goes with the link's index. */
async function shimFacts(node: NodeHandle, shim: string): Promise<Snapshot> {
  const questions = [
    ['address', 'show', 'dev', shim],
    ['route', 'show', 'dev', shim],
    ['neigh', 'show', 'dev', shim, 'nud', 'permanent'],
  ];
  const answers = await Promise.all(questions.map((question) => node.exec(['ip', '-o', ...question])));
  return answers.flatMap((answer) => answer.stdout.split('\n').map((line) => line.replace(/^\d+:/, '').trim())).sort();
}

async function shimOf(world: World): Promise<string> {
  const state = await kubeJson<{ status: { shims: { name: string }[] } }>(world, ['get', 'mvn', 'node-a']);
  return state.status.shims[0]?.name ?? 'no-shim';
}

async function nadIsRestored(world: World): Promise<void> {
  const config = async () =>
    (await world.cluster.kubectl(['-n', 'home', 'get', 'net-attach-def', 'lan', '-o', 'jsonpath={.spec.config}']))
      .stdout;
  const before = await config();
  await kubectl(world, [
    '-n',
    'home',
    'patch',
    'net-attach-def',
    'lan',
    '--type=merge',
    '-p',
    '{"spec":{"config":"{}"}}',
  ]);
  await world.stage.eventually('the edited NAD is restored', async () => (await config()) === before, { everyMs: 5 });
  await kubectl(world, ['-n', 'media', 'delete', 'net-attach-def', 'lan']);
  await world.stage.eventually(
    'the deleted NAD is back',
    async () => (await world.cluster.kubectl(['-n', 'media', 'get', 'net-attach-def', 'lan'])).code === 0,
    { everyMs: 5 },
  );
}

async function daemonSetIsRestored(world: World): Promise<void> {
  const inOurs = ['-n', OPERATOR_NAMESPACE];
  const selector = async () =>
    (
      await world.cluster.kubectl([
        ...inOurs,
        'get',
        'ds',
        'macvlan-agent',
        '-o',
        'jsonpath={.spec.template.spec.nodeSelector}',
      ])
    ).stdout;
  const before = await selector();
  const patch = '{"spec":{"template":{"spec":{"nodeSelector":{"macvlan.dev/agent":"nowhere"}}}}}';
  await kubectl(world, [...inOurs, 'patch', 'daemonset', 'macvlan-agent', '--type=merge', '-p', patch]);
  await world.stage.eventually('the edited DaemonSet is restored', async () => (await selector()) === before, {
    everyMs: 20,
  });
  const rollout = [...inOurs, 'rollout', 'status', 'daemonset/macvlan-agent', '--timeout=60s'];
  world.stage.check('and the agents run', (await kubectl(world, rollout)).code === 0);
}

async function cableIsPulled(world: World): Promise<void> {
  const node = nodeOf(world, 'node-b');
  const summary = async () =>
    (await world.cluster.kubectl(['get', 'mva', 'lan', '-o', 'jsonpath={.status.summary}'])).stdout;
  await world.stage.show('node-b: ip link set lan0 down', () => node.exec(['ip', 'link', 'set', 'lan0', 'down']));
  await world.stage.eventually('a NIC that is down is told', async () => (await summary()) === '1/2');
  await kubectl(world, ['get', 'mva', 'lan', '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].message}']);
  await world.stage.show('node-b: ip link set lan0 up', () => node.exec(['ip', 'link', 'set', 'lan0', 'up']));
  await world.stage.eventually('and that it is back', async () => (await summary()) === '2/2');
}
