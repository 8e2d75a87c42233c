// Chapter seven: a NIC is replaced under running pods. They are told, made anew, or repaired in place, as the attachment says.
import { workloadManifest } from '../workloads.ts';
import { type Chapter, kubectl, kubeJson, nodeOf, pingFrom, reaches, rememberShims, type World } from '../world.ts';
import { onLan } from './reach.ts';

const PIHOLE = '192.0.2.101';
const JELLYFIN = '192.0.2.103';
const UNIFI = '192.0.2.105';

export const repair: Chapter = {
  title: 'The NIC is replaced under running pods',
  tell: async (world) => {
    await ghosts(world);
    await madeAnew(world);
    await repairedInPlace(world);
    await policy(world, 'Report');
    await rememberShims(world);
  },
};

/** Default: said in every place where somebody may look, and nothing done about it. */
async function ghosts(world: World): Promise<void> {
  const { stage, cluster } = world;
  const node = nodeOf(world, 'node-a');
  stage.say(`node-a loses ${node.parent}: the kernel takes the pods' links along`);
  await node.unplug();
  await stage.eventually('the attachment says so', async () => (await brief(world)) === 'False 1/2');
  await stage.eventually('and counts its two ghosts', async () => (await ghostCount(world)) === 2);
  await kubectl(world, ['get', 'mva', 'lan', '-o', 'wide']);
  const problems = await kubectl(world, [
    ...['get', 'mva', 'lan', '-o'],
    'jsonpath={range .status.problems[*]}{.reason}: {.node}: {.message} {.remedy}{"\\n"}{end}',
  ]);
  stage.check('it names the node, the NIC and the remedy', /node-a: .*enp3s0/.test(problems.stdout));
  stage.check('it names the pods', /PodGhost: node-a: .*home\/adguard, home\/pihole/.test(problems.stdout));
  await stage.eventually('an event on the pod tells it', async () => {
    const events = await cluster.kubectl(['-n', 'home', 'events', '--for=pod/pihole']);
    return events.stdout.includes('PodGhost');
  });
  stage.say(`a new NIC is plugged in as ${node.parent}`);
  await node.plug();
  await stage.eventually('it is verified', async () => (await brief(world)).endsWith('2/2'));
  stage.check('what Report means: the pods are still without a link', (await ghostCount(world)) === 2);
}

async function repairedInPlace(world: World): Promise<void> {
  const { stage, cluster } = world;
  const node = nodeOf(world, 'node-a');
  const life = await lifeOf(world, 'pihole');
  await policy(world, 'InPlace');
  await stage.eventually('no pod is a ghost any more', async () => (await ghostCount(world)) === 0);
  await reaches(world, 'the LAN reaches the pod at its old address', pingFrom('LAN client', cluster.client, PIHOLE));
  await reaches(world, 'and so does its node', pingFrom('node-a', node, PIHOLE));
  await reaches(world, 'and the one on node-b', pingFrom('LAN client', cluster.client, JELLYFIN));
  stage.check('it was not started again', (await lifeOf(world, 'pihole')) === life, life);
  stage.say('the NIC is replaced once more');
  await node.unplug();
  await stage.eventually('two ghosts', async () => (await ghostCount(world)) === 2);
  await node.plug();
  await stage.eventually('repaired as soon as the NIC is there', async () => (await ghostCount(world)) === 0);
  await reaches(world, 'the LAN reaches the pod', pingFrom('LAN client', cluster.client, PIHOLE));
}

async function madeAnew(world: World): Promise<void> {
  const { stage, cluster } = world;
  const node = nodeOf(world, 'node-b');
  const unifi = { name: 'unifi', namespace: 'media', kind: 'Deployment', networks: onLan('105') } as const;
  await kubectl(
    world,
    ['apply', '-f', '-'],
    JSON.stringify(workloadManifest({ ...unifi, identity: 'none', node: 'node-b' })),
  );
  await reaches(world, 'the LAN reaches the Deployment', pingFrom('LAN client', cluster.client, UNIFI));
  const [before] = await unifiPods(world);
  await policy(world, 'Recreate');
  await node.unplug();
  await stage.eventually('two more ghosts, on node-b', async () => (await ghostCount(world)) === 4);
  await node.plug();
  await stage.eventually('the Deployment has another pod', async () => {
    const names = await unifiPods(world);
    return names.length > 0 && !names.includes(before ?? '');
  });
  await reaches(world, 'which is on the LAN', pingFrom('LAN client', cluster.client, UNIFI));
  await kubectl(world, ['-n', 'media', 'events', '--for=pod/jellyfin']);
  stage.check('pods that nobody would make again are left alone', (await ghostCount(world)) === 3);
  await kubectl(world, ['-n', 'media', 'delete', 'deployment', 'unifi', '--cascade=foreground', '--timeout=60s']);
}

/** Says what to do about ghosts, and waits until the agents run with the rights that it takes. */
async function policy(world: World, type: 'Report' | 'InPlace' | 'Recreate'): Promise<void> {
  const patch = JSON.stringify({ spec: { repair: { type } } });
  await kubectl(world, ['patch', 'mva', 'lan', '--type=merge', '-p', patch]);
  const rights = type === 'InPlace' ? ['NET_ADMIN', 'SYS_ADMIN'] : ['NET_ADMIN'];
  await world.stage.eventually(`all agents run with ${rights.join(' and ')}`, async () => {
    const { items } = await kubeJson<AgentPods>(world, [
      ...['-n', 'macvlan-system', 'get', 'pods', '-l', 'app.kubernetes.io/name=macvlan-agent'],
    ]);
    const ready = items.filter(({ metadata, status }) => {
      const isReady = status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
      return metadata.deletionTimestamp === undefined && isReady === true;
    });
    return (
      ready.length === 2 &&
      ready.every(({ spec }) => String(spec.containers[0]?.securityContext.capabilities.add) === String(rights))
    );
  });
}

interface AgentPods {
  readonly items: readonly {
    readonly metadata: { readonly deletionTimestamp?: string };
    readonly spec: {
      readonly containers: readonly {
        readonly securityContext: { readonly capabilities: { add: readonly string[] } };
      }[];
    };
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

async function jsonPath(world: World, path: string, ...what: readonly string[]): Promise<string> {
  return (await world.cluster.kubectl([...what, '-o', `jsonpath=${path}`])).stdout;
}

/** `Ready` and the nodes, as in the columns of `kubectl get`. */
function brief(world: World): Promise<string> {
  const path = '{.status.conditions[?(@.type=="Ready")].status} {.status.summary}';
  return jsonPath(world, path, 'get', 'mva', 'lan');
}

async function ghostCount(world: World): Promise<number> {
  return Number(await jsonPath(world, '{.status.pods.ghost}', 'get', 'mva', 'lan'));
}

/** What would tell that a pod of `home` was made or started again. */
function lifeOf(world: World, pod: string): Promise<string> {
  const path = '{.metadata.uid} {.status.containerStatuses[*].restartCount}';
  return jsonPath(world, path, '-n', 'home', 'get', 'pod', pod);
}

async function unifiPods(world: World): Promise<readonly string[]> {
  const text = await jsonPath(world, '{.items[*].metadata.name}', '-n', 'media', 'get', 'pods', '-l', 'app=unifi');
  return text.split(' ').filter((name) => name !== '');
}
