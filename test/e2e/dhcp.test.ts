// The operator's own DHCP daemon on a real cluster: it comes and goes with those who need it, its leases survive it, an upgrade
// leaves it alone, the server's reservations are honoured; and somebody else's daemon is left to them.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { BuiltImage } from '../../scripts/image.ts';
import type { MacvlanNodeState } from '../../src/api/v1alpha1/node-state.ts';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { until } from '../support/until.ts';
import { chartArguments, kubectlOutput } from './chart.ts';
import { loadStoryImages } from './images.ts';
import { type AttachedLink, linksOf, podManifest } from './pods.ts';
import { workloadManifest } from './workloads.ts';
import { OPERATOR_NAMESPACE } from './world.ts';

const LONG_MS = 6 * 60_000;
const PATIENCE_MS = 90_000;
const MAC = '02:4d:00:00:00:31';
const RIGHTS = (1n << 12n) | (1n << 13n) | (1n << 21n); // NET_ADMIN, NET_RAW, SYS_ADMIN
const METRICS = 'http://127.0.0.1:9472/metrics';
const FETCH = `fetch('${METRICS}').then((r) => r.text()).then((t) => console.log(t))`;

let cluster: Cluster;
let image: BuiltImage;

beforeAll(async () => {
  cluster = await startCluster({ instance: `dhcp-${process.pid}`, life: 'Owner' });
  image = await loadStoryImages(cluster);
  expect(await cluster.helm(['install', ...chartArguments(image), '--wait'])).toMatchObject({ code: 0 });
  await kubectl(['create', 'namespace', 'home']);
  await kubectl(['apply', '-f', 'examples/dhcp.yaml']);
  await kubectl(['patch', 'mva', 'lan-dhcp', '--type=merge', '-p', '{"spec":{"repair":{"type":"InPlace"}}}']);
  await kubectl(['wait', 'mva/lan-dhcp', '--for=condition=Ready', '--timeout=90s']);
}, LONG_MS);

afterAll(async () => {
  await cluster?.down();
}, LONG_MS);

const kubectl = (args: readonly string[], object?: object) => kubectlOutput(cluster, args, object);

interface DaemonPod {
  readonly metadata: { readonly uid: string };
  readonly spec: { readonly nodeName: string };
  readonly status: {
    readonly startTime?: string;
    readonly containerStatuses?: readonly { readonly containerID: string; readonly restartCount: number }[];
  };
}

async function daemons(name = 'macvlan-dhcp'): Promise<readonly DaemonPod[]> {
  const where = ['-n', OPERATOR_NAMESPACE, 'get', 'pods', '-l', `app.kubernetes.io/name=${name}`, '-o', 'json'];
  return (JSON.parse(await kubectl(where)) as { items: readonly DaemonPod[] }).items;
}

async function daemonOn(node: string): Promise<DaemonPod> {
  const found = (await daemons()).find(({ spec }) => spec.nodeName === node);
  if (found === undefined) throw new Error(`no DHCP daemon on ${node}`);
  return found;
}

/** What `name` shows on a node, by its labels. */
async function metric(node: string, name: string): Promise<string | undefined> {
  const { stdout } = await cluster.node(node).exec([process.execPath, '-e', FETCH]);
  return stdout
    .split('\n')
    .find((line) => line.startsWith(name))
    ?.split(' ')
    .at(-1);
}

const bound = (node: string) => metric(node, 'macvlan_agent_dhcp_leases{phase="Bound"}');
const answers = async (address: string) => (await cluster.client.exec(['ping', '-c1', '-W1', address])).code === 0;
const leasesOf = (mac: string) => cluster.lan.dnsmasqLeases().filter((lease) => lease.mac === mac);

async function stateOf(node: string): Promise<MacvlanNodeState> {
  return JSON.parse(await kubectl(['get', 'mvn', node, '-o', 'json'])) as MacvlanNodeState;
}

/** The link of a pod that runs; not of the one with that uid. */
async function linkOf(selector: readonly string[], before = ''): Promise<AttachedLink & { readonly uid: string }> {
  const link = await until(
    `a pod runs (${selector.join(' ')})`,
    async () => {
      const pods = JSON.parse(await kubectl(['-n', 'home', 'get', 'pods', ...selector, '-o', 'json'])) as {
        items: readonly { metadata: { uid: string; deletionTimestamp?: string }; status: { phase: string } }[];
      };
      const pod = pods.items.find(({ metadata: { uid, deletionTimestamp }, status }) => {
        return status.phase === 'Running' && uid !== before && deletionTimestamp === undefined;
      });
      const [first] = pod === undefined ? [] : linksOf(JSON.stringify(pod));
      return pod === undefined || first === undefined ? undefined : { ...first, uid: pod.metadata.uid };
    },
    PATIENCE_MS,
  );
  if (link === undefined) throw new Error('unreachable');
  return link;
}

describe('the managed daemon', () => {
  let address = '';
  let life = '';

  const lifeOfPod = () =>
    kubectl([
      '-n',
      'home',
      'get',
      'pod',
      'tv',
      '-o',
      'jsonpath={.metadata.uid} {.status.containerStatuses[*].containerID}',
    ]);

  test(
    'runs on the nodes of the attachment with three rights, and pods have addresses through it',
    async () => {
      await until('one daemon per node', async () => (await daemons()).length === 2, PATIENCE_MS);
      const networks = JSON.stringify([{ name: 'lan-dhcp', mac: MAC }]);
      await kubectl(['apply', '-f', '-'], podManifest({ name: 'tv', namespace: 'home', node: 'node-a', networks }));
      const link = await linkOf(['-l', 'story=tv']);
      [address = ''] = link.ips;
      life = await lifeOfPod();
      expect(address).toMatch(/^192\.0\.2\.2\d\d$/);
      await until('the LAN reaches it', () => answers(address), PATIENCE_MS);
      await until('its lease is counted', async () => (await bound('node-a')) === '1', PATIENCE_MS);
      expect(Number(await metric('node-a', 'macvlan_agent_dhcp_lease_expiry_seconds'))).toBeGreaterThan(
        Date.now() / 1000,
      );
      await until(
        'the node says who needs the daemon',
        async () => (await stateOf('node-a')).status?.dhcp?.links === 1,
      );
      const { status } = await daemonOn('node-a');
      const process = await cluster.containerStatus('node-a', status.containerStatuses?.[0]?.containerID ?? '');
      expect(BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(process)?.[1] ?? '0'}`)).toBe(RIGHTS);
    },
    LONG_MS,
  );

  test(
    'is started anew when it was killed, and has the leases of running pods again',
    async () => {
      const { status } = await daemonOn('node-a');
      const restarts = status.containerStatuses?.[0]?.restartCount ?? 0;
      const pid = await cluster.node('node-a').containerPid(status.containerStatuses?.[0]?.containerID ?? '');
      process.kill(pid, 'SIGKILL');
      const killed = performance.now();
      const isBack = async () =>
        ((await daemonOn('node-a')).status.containerStatuses?.[0]?.restartCount ?? 0) > restarts;
      await until('it was started anew', isBack, PATIENCE_MS);
      await until('the lease is held again', async () => (await bound('node-a')) === '1', PATIENCE_MS);
      console.log(`a lease is held again ${(performance.now() - killed).toFixed(0)} ms after the daemon was killed`);
      expect(await answers(address)).toBe(true);
      expect(leasesOf(MAC)).toHaveLength(1);
      expect(await lifeOfPod()).toBe(life);
    },
    LONG_MS,
  );

  test(
    'gives a pod its address again when the NIC is replaced under it',
    async () => {
      await cluster.node('node-a').unplug();
      const state = async () => (await stateOf('node-a')).status?.pods?.find(({ name }) => name === 'tv')?.state;
      await until('it is a ghost', async () => (await state()) === 'Ghost', PATIENCE_MS);
      await cluster.node('node-a').plug();
      const plugged = performance.now();
      await until('it is repaired', async () => (await state()) === 'Repaired', PATIENCE_MS);
      await until('the LAN reaches it', () => answers(address), PATIENCE_MS);
      console.log(`the LAN reaches it ${(performance.now() - plugged).toFixed(0)} ms after the NIC is there`);
      await until('its lease is counted', async () => (await bound('node-a')) === '1', PATIENCE_MS);
      expect(leasesOf(MAC)).toHaveLength(1);
      expect(await lifeOfPod()).toBe(life);
    },
    LONG_MS,
  );

  test(
    'is not touched by an upgrade of the operator, which brings new agents',
    async () => {
      const lives = (pods: readonly DaemonPod[]) =>
        pods.map(
          ({ metadata, status }) => `${metadata.uid} ${status.startTime} ${status.containerStatuses?.[0]?.containerID}`,
        );
      const before = lives(await daemons()).toSorted();
      const agents = lives(await daemons('macvlan-agent'));
      expect(await cluster.helm(['upgrade', ...chartArguments(image, 'logLevel=debug'), '--wait'])).toMatchObject({
        code: 0,
      });
      const isNew = async () => {
        const now = lives(await daemons('macvlan-agent'));
        return now.length === 2 && now.every((one) => !agents.includes(one));
      };
      await until('all agents are new', isNew, PATIENCE_MS);
      const wanted = ['-n', OPERATOR_NAMESPACE, 'get', 'daemonset', 'macvlan-dhcp', '-o', 'yaml'];
      await until('its template is new', async () => (await kubectl(wanted)).includes('value: debug'), PATIENCE_MS);
      expect(lives(await daemons()).toSorted()).toEqual(before);
      expect(await answers(address)).toBe(true);
    },
    LONG_MS,
  );

  test(
    'gets a pod with a stable identity the address that the server keeps for its MAC, three times on either node',
    async () => {
      const app = ['-l', 'app=printer'];
      await kubectl(
        ['apply', '-f', '-'],
        workloadManifest({ name: 'printer', namespace: 'home', kind: 'Deployment', networks: 'lan-dhcp' }),
      );
      const first = await linkOf(app);
      cluster.lan.reserve(first.mac, '192.0.2.77');
      let before = first.uid;
      for (const node of ['node-b', 'node-a', 'node-b']) {
        for (const { name } of cluster.nodes) await kubectl([name === node ? 'uncordon' : 'cordon', name]);
        await kubectl(['-n', 'home', 'delete', 'pod', ...app, '--wait=false']);
        const next = await linkOf(app, before);
        expect(next).toMatchObject({ mac: first.mac, ips: ['192.0.2.77'] });
        before = next.uid;
      }
      for (const { name } of cluster.nodes) await kubectl(['uncordon', name]);
      expect(leasesOf(first.mac)).toHaveLength(1);
      await kubectl(['-n', 'home', 'delete', 'deployment', 'printer']);
      await until(
        'its pod is gone',
        async () => (await kubectl(['-n', 'home', 'get', 'pods', ...app, '-o', 'name'])) === '',
        PATIENCE_MS,
      );
    },
    LONG_MS,
  );

  test(
    'stays for a pod that has its lease from it after its attachment was forced to end, and goes with the pod',
    async () => {
      await kubectl(['annotate', 'mva', 'lan-dhcp', 'macvlan.dev/force=true']);
      await kubectl(['delete', 'mva', 'lan-dhcp', '--timeout=90s']);
      const nodes = () => kubectl(['get', 'nodes', '-l', 'macvlan.dev/dhcp=true', '-o', 'name']);
      await until('it is gone from the other node', async () => (await nodes()).trim() === 'node/node-a', PATIENCE_MS);
      expect(await answers(address)).toBe(true);
      await kubectl(['-n', 'home', 'delete', 'pod', 'tv', '--timeout=90s']);
      const gone = async () => (await kubectl(['-n', OPERATOR_NAMESPACE, 'get', 'daemonset', '-o', 'name'])) === '';
      await until('no program of ours is on a node any more', gone, PATIENCE_MS);
      expect(await nodes()).toBe('');
    },
    LONG_MS,
  );
});

describe("somebody else's daemon", () => {
  test(
    'is used where the attachment says so, and none of ours comes',
    async () => {
      const node = cluster.node('node-a');
      const daemon = node.spawn(['/opt/cni/bin/dhcp', 'daemon']);
      try {
        const attachment = JSON.parse(
          await kubectl(['create', '--dry-run=client', '-f', 'examples/dhcp.yaml', '-o', 'json']),
        ) as { spec: { ipam: object } };
        const ipam = { type: 'DHCP', dhcp: { daemon: { type: 'External' } } };
        await kubectl(['apply', '-f', '-'], { ...attachment, spec: { ...attachment.spec, ipam } });
        await kubectl(['wait', 'mva/lan-dhcp', '--for=condition=Ready', '--timeout=90s']);
        const networks = JSON.stringify([{ name: 'lan-dhcp', mac: MAC }]);
        await kubectl(['apply', '-f', '-'], podManifest({ name: 'tv', namespace: 'home', node: 'node-a', networks }));
        const link = await linkOf(['-l', 'story=tv']);
        await until('the LAN reaches it', () => answers(link.ips[0] ?? ''), PATIENCE_MS);
        expect(await daemons()).toEqual([]);
        await kubectl(['-n', 'home', 'delete', 'pod', 'tv', '--timeout=90s']);
      } finally {
        daemon.kill('SIGKILL');
      }
    },
    LONG_MS,
  );
});
