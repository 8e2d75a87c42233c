// Chapter eight: a pod keeps its MAC address without choosing one, and nobody else gets it before it is gone.
import { asWritten } from '../gate.ts';
import { linksOf, podManifest } from '../pods.ts';
import { workloadManifest } from '../workloads.ts';
import { type Chapter, deletePods, kubectl, kubeJson, pingFrom, reaches, type World } from '../world.ts';

const APP = 'jellyfin';
const IDENTITY = `deployment-${APP}-0`;

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly uid: string; readonly deletionTimestamp?: string };
    readonly spec: { readonly nodeName?: string };
    readonly status: { readonly phase: string };
  }[];
}

interface Seen {
  readonly uid: string;
  readonly node: string;
  readonly mac: string;
  readonly address: string;
}

export const identity: Chapter = {
  title: 'A stable identity',
  tell: async (world) => {
    const workload = { name: APP, namespace: 'home', kind: 'Deployment', networks: 'lan-dhcp' } as const;
    world.stage.say(`Deployment home/${APP}: networks lan-dhcp, macvlan.dev/identity: auto`);
    await kubectl(world, ['apply', '-f', '-'], JSON.stringify(workloadManifest(workload)));
    const first = await podOf(world);
    await kubectl(world, ['-n', 'home', 'get', 'mvi']);
    await kubectl(world, ['get', 'mvc']);
    await movesToTheOtherNode(world, first);
    await waitsForItsPredecessor(world);
    await isASlot(world);
    await isReclaimed(world);
    await kubectl(world, ['-n', 'home', 'delete', 'deployment', APP, '--cascade=foreground', '--timeout=60s']);
  },
};

/** The Deployment's pod, once it runs with its link; not the one with that uid. */
async function podOf(world: World, before = ''): Promise<Seen> {
  const look = async (): Promise<Seen | undefined> => {
    const { items } = await kubeJson<PodList>(world, ['-n', 'home', 'get', 'pods', '-l', `app=${APP}`]);
    const pod = items.find(
      ({ metadata: { uid, deletionTimestamp } }) => uid !== before && deletionTimestamp === undefined,
    );
    const [link] = pod?.status.phase === 'Running' ? linksOf(JSON.stringify(pod)) : [];
    if (pod === undefined || link === undefined) return undefined;
    return { uid: pod.metadata.uid, node: pod.spec.nodeName ?? '', mac: link.mac, address: link.ips[0] ?? '' };
  };
  const seen = await world.stage.eventually(`a pod of ${APP} runs`, look);
  return seen ?? { uid: '', node: '', mac: '', address: '' };
}

async function movesToTheOtherNode(world: World, first: Seen): Promise<void> {
  const { stage } = world;
  await kubectl(world, ['cordon', first.node]);
  await kubectl(world, ['-n', 'home', 'delete', 'pod', '-l', `app=${APP}`, '--wait=false']);
  const next = await podOf(world, first.uid);
  await kubectl(world, ['uncordon', first.node]);
  stage.check('the next pod runs on the other node', next.node !== first.node, `${first.node}, then ${next.node}`);
  const isSame = next.mac === first.mac && next.address === first.address && next.mac !== '';
  stage.check('with the same MAC and the same address', isSame, `${next.mac} ${next.address}`);
  await reaches(
    world,
    `the LAN reaches it at ${next.address}`,
    pingFrom('LAN client', world.cluster.client, next.address),
  );
}

/** Another pod that names the identity: it is said for whom it waits. */
async function waitsForItsPredecessor(world: World): Promise<void> {
  const { stage, cluster } = world;
  const rival = podManifest({ name: 'rival', namespace: 'home', node: '', networks: 'lan-dhcp', identity: IDENTITY });
  await kubectl(world, ['apply', '-f', '-'], JSON.stringify(rival));
  await stage.eventually('a second pod that wants the same identity waits, and it is said for whom', async () => {
    const said = await cluster.kubectl([
      '-n',
      'home',
      'get',
      'events',
      '--field-selector',
      'involvedObject.name=rival',
    ]);
    return said.stdout.includes(`Waits for MacvlanIdentity home/${IDENTITY}, held by pod ${APP}-`);
  });
  await kubectl(world, ['-n', 'home', 'get', 'pod', 'rival']);
  await deletePods(world, 'home', ['rival']);
}

/** Pods of a ReplicaSet have new names each time; their identities are its slots. */
async function isASlot(world: World): Promise<void> {
  const { spec } = podManifest({ name: 'scanner', namespace: 'home', node: '' }) as { spec: Record<string, unknown> };
  const { nodeName: _, ...podSpec } = spec;
  const annotations = { 'k8s.v1.cni.cncf.io/networks': 'lan-dhcp', 'macvlan.dev/identity': 'auto' };
  const template = asWritten({ metadata: { labels: { app: 'scanner' }, annotations }, spec: podSpec });
  const replicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'scanner', namespace: 'home' },
    spec: { replicas: 1, selector: { matchLabels: { app: 'scanner' } }, template },
  };
  await kubectl(world, ['apply', '-f', '-'], JSON.stringify(replicaSet));
  await world.stage.eventually('the pod of a ReplicaSet holds the first of its slots', async () => {
    const found = await world.cluster.kubectl(['-n', 'home', 'get', 'mvi', 'replicaset-scanner-0', '-o', 'json']);
    return found.code === 0 && JSON.parse(found.stdout).status?.phase === 'Bound';
  });
  await kubectl(world, ['-n', 'home', 'delete', 'replicaset', 'scanner', '--cascade=foreground', '--timeout=60s']);
}

/** An identity that a user made, with an end. */
async function isReclaimed(world: World): Promise<void> {
  const { stage, cluster } = world;
  const printer = {
    apiVersion: 'macvlan.dev/v1alpha1',
    kind: 'MacvlanIdentity',
    metadata: { name: 'printer', namespace: 'home' },
    spec: { reclaim: { type: 'Delete', after: '1s' } },
  };
  const pod = podManifest({ name: 'printer', namespace: 'home', node: '', networks: 'lan-dhcp', identity: 'printer' });
  const list = { apiVersion: 'v1', kind: 'List', items: [{ ...printer, spec: { reclaim: { type: 'Retain' } } }, pod] };
  await kubectl(world, ['apply', '-f', '-'], JSON.stringify(list));
  await kubectl(world, ['-n', 'home', 'wait', 'pod/printer', '--for=condition=Ready', '--timeout=60s']);
  await kubectl(world, ['-n', 'home', 'get', 'mvi', 'printer']);
  await kubectl(world, ['apply', '-f', '-'], JSON.stringify(printer));
  await deletePods(world, 'home', ['printer']);
  await stage.eventually(
    'an identity that is to be deleted goes once its pod is gone, and its claims with it',
    async () => {
      const identities = await cluster.kubectl(['-n', 'home', 'get', 'mvi', '-o', 'name']);
      const claims = await cluster.kubectl(['get', 'mvc', '-o', 'wide']);
      return !identities.stdout.includes('printer') && !claims.stdout.includes('printer') && claims.code === 0;
    },
  );
}
