// The chart's later life on a real cluster: upgraded under running pods, uninstalled when that is possible and refused when not,
// and removed by hand when the controller is broken, in the words of the handbook.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import type { Place } from '../cluster/provider.ts';
import { run } from '../support/run.ts';
import { until } from '../support/until.ts';
import { grantsOf, type Role, usesIn } from './audit-log.ts';
import { chartArguments, kubectlOutput, RELEASE } from './chart.ts';
import { loadStoryImages } from './images.ts';
import { compareSnapshots, takeSnapshot } from './snapshot.ts';
import { Stage } from './stage.ts';
import { onLan } from './story/reach.ts';
import { deletePods, OPERATOR_NAMESPACE, startPods, type World } from './world.ts';

const LONG_MS = 6 * 60_000;
const PATIENCE_MS = 60_000;
const inOurs = ['-n', OPERATOR_NAMESPACE];
const ADDRESS = '192.0.2.101';
const POD = { name: 'pihole', namespace: 'home', node: 'node-a', networks: onLan('101') };

let cluster: Cluster;
let world: World;

beforeAll(async () => {
  cluster = await startCluster({ instance: `uninst-${process.pid}`, life: 'Owner' });
  const image = await loadStoryImages(cluster);
  const stage = new Stage(() => {});
  world = { cluster, stage, image, before: [], sniffer: undefined, shimMacs: new Set() };
  for (const namespace of ['home', 'media', OPERATOR_NAMESPACE]) await kubectl('create', 'namespace', namespace);
  world.before = await takeSnapshot(world);
  await installWithLan();
  await startPods(world, [POD]);
}, LONG_MS);

afterAll(async () => {
  await cluster?.down();
}, LONG_MS);

afterEach(() => {
  expect(world.stage.checks.filter((check) => !check.held)).toEqual([]);
});

const kubectl = (...args: string[]) => kubectlOutput(cluster, args);

/** Everything that Helm said, and how it ended. */
async function helm(...args: string[]) {
  const { code, stdout, stderr } = await cluster.helm([...args, ...inOurs]);
  return { code, said: stdout + stderr };
}

async function installWithLan(): Promise<void> {
  const chart = chartArguments(world.image, 'uninstall.timeoutSeconds=15');
  expect(await helm('install', ...chart, '--wait')).toMatchObject({ code: 0 });
  await applyLan();
}

async function applyLan(): Promise<void> {
  await kubectl('apply', '-f', 'examples/lan.yaml');
  await kubectl('wait', 'mva/lan', '--for=condition=Ready', '--timeout=60s');
}

const isThere = async (...what: string[]) => (await cluster.kubectl(['get', ...what])).code === 0;
const jsonPath = (path: string, ...what: string[]) => kubectl('get', ...what, '-o', `jsonpath=${path}`);

async function pings(place: Place): Promise<boolean> {
  return (await place.exec(['ping', '-c1', '-W1', ADDRESS])).code === 0;
}

/** One line per macvlan link and altname of ours. */
async function tracesOn(node: string): Promise<readonly string[]> {
  const { stdout } = await cluster.node(node).exec(['ip', '-o', 'link']);
  return [...stdout.matchAll(/\bmv[as]-[^\s@\\:]+/g)].map((match) => match[0]);
}

async function untilNothingIsLeft(): Promise<void> {
  let difference: readonly string[] = [];
  const look = async () => {
    difference = compareSnapshots(world.before, await takeSnapshot(world));
    return difference.length === 0;
  };
  await until('nothing is left', look, PATIENCE_MS).catch((error: unknown) => {
    throw new Error(difference.join('\n'), { cause: error });
  });
}

describe('helm upgrade with other values', () => {
  test(
    'restarts controller and agents, and no attached pod and no shim notices',
    async () => {
      const node = cluster.node('node-a');
      const shims = async () => (await node.exec(['ip', '-o', 'link', 'show', 'type', 'macvlan'])).stdout;
      const agents = () =>
        jsonPath('{.items[*].metadata.uid}', ...inOurs, 'pods', '-l', 'app.kubernetes.io/name=macvlan-agent');
      await until('node and LAN reach the pod', async () => (await pings(node)) && (await pings(cluster.client)));
      const before = {
        shims: await shims(),
        nad: await jsonPath('{.metadata.uid}', '-n', 'home', 'net-attach-def', 'lan'),
      };
      const oldAgents = (await agents()).split(' ');

      let isOver = false;
      const lost = Promise.all([node, cluster.client].map((place) => lossesUntil(place, () => isOver)));
      const set = ['--reuse-values', '--set', 'logLevel=debug', '--set', 'controller.replicas=1'];
      expect(await helm('upgrade', RELEASE, 'charts/macvlan-operator', '--wait', ...set)).toMatchObject({ code: 0 });
      await until(
        'every agent is another one',
        async () => (await agents()).split(' ').every((uid) => uid !== '' && !oldAgents.includes(uid)),
        PATIENCE_MS,
      );
      await kubectl(...inOurs, 'rollout', 'status', 'daemonset/macvlan-agent', '--timeout=60s');
      isOver = true;

      expect(await lost).toEqual([[], []]);
      expect(await shims()).toBe(before.shims);
      expect(await jsonPath('{.metadata.uid}', '-n', 'home', 'net-attach-def', 'lan')).toBe(before.nad);
      await kubectl('wait', 'mva/lan', '--for=condition=Ready', '--timeout=30s');
    },
    LONG_MS,
  );
});

/** Pings ten times a second until told to stop; gives the reports of rounds in which an answer was missing. */
async function lossesUntil(place: Place, isOver: () => boolean): Promise<readonly string[]> {
  const losses: string[] = [];
  while (!isOver()) {
    const { stdout } = await place.exec(['ping', '-q', '-i', '0.1', '-c', '10', ADDRESS]);
    if (!stdout.includes(' 0% packet loss')) losses.push(stdout);
  }
  return losses;
}

describe('a node that a changed selector no longer matches', () => {
  const labelsOf = async () => JSON.parse(await jsonPath('{.metadata.labels}', 'node', 'node-b')) as object;
  const ours = { 'macvlan.dev/agent': 'true', 'attachment.macvlan.dev/lan': 'ready' };
  const select = (selector: object | null) =>
    kubectl('patch', 'mva', 'lan', '--type=merge', '-p', JSON.stringify({ spec: { nodeSelector: selector } }));

  test(
    'is cleaned before its agent goes, and the other node keeps all it has',
    async () => {
      expect(await labelsOf()).toMatchObject(ours);
      expect(await tracesOn('node-b')).toContain('mva-lan');
      const kept = await tracesOn('node-a');
      await select({ matchLabels: { 'kubernetes.io/hostname': 'node-a' } });
      await until(
        'label and state are gone',
        async () => {
          const labels = Object.keys(await labelsOf());
          return !labels.some((key) => key in ours) && !(await isThere('mvn', 'node-b'));
        },
        PATIENCE_MS,
      );
      expect(await tracesOn('node-b')).toEqual([]);
      expect(await tracesOn('node-a')).toEqual(kept);
      expect(await pings(cluster.node('node-a'))).toBe(true);
    },
    LONG_MS,
  );

  test(
    'has everything again when it matches again',
    async () => {
      await select(null);
      await until('it is ready', async () => 'attachment.macvlan.dev/lan' in (await labelsOf()), PATIENCE_MS);
      expect(await tracesOn('node-b')).toContain('mva-lan');
    },
    LONG_MS,
  );
});

describe('while a pod is attached', () => {
  test(
    'helm uninstall is refused, names the pod and the ways on, and has removed nothing',
    async () => {
      const { code, said } = await helm('uninstall', RELEASE);
      expect(code).not.toBe(0);
      expect(said).toContain('home/pihole on lan (node-a)');
      expect(said).toContain('kubectl annotate macvlanattachments --all macvlan.dev/force=true');
      expect(await jsonPath('{.metadata.deletionTimestamp}', 'mva', 'lan')).toBe('');
      for (const what of ['deployment/macvlan-controller', 'daemonset/macvlan-agent', 'serviceaccount/macvlan-agent']) {
        expect(await isThere(...inOurs, what)).toBe(true);
      }
      expect(await pings(cluster.node('node-a'))).toBe(true);
    },
    LONG_MS,
  );

  test(
    'helm rollback takes the refused uninstall back, so that the release can be upgraded again',
    async () => {
      expect(await helm('rollback', RELEASE)).toMatchObject({ code: 0 });
      const status = JSON.parse((await cluster.helm(['status', RELEASE, ...inOurs, '-o', 'json'])).stdout);
      expect(status).toMatchObject({ info: { status: 'deployed' } });
    },
    LONG_MS,
  );

  test(
    'deleting the attachment is refused, and goes through under the force annotation; the pod keeps its link',
    async () => {
      await kubectl('delete', 'mva', 'lan', '--wait=false');
      const said = () => jsonPath('{.status.phase} {.status.problems[*].message}', 'mva', 'lan');
      await until('it says why', async () => /^Draining .*home\/pihole/.test(await said()), PATIENCE_MS);
      await kubectl('annotate', 'mva', 'lan', 'macvlan.dev/force=true');
      await until('it is gone', async () => !(await isThere('mva', 'lan')), PATIENCE_MS);
      for (const node of ['node-a', 'node-b']) expect(await tracesOn(node)).toEqual([]);
      expect(await pings(cluster.client)).toBe(true);
      expect(await jsonPath('{.status.phase}', '-n', 'home', 'pod', 'pihole')).toBe('Running');
      await deletePods(world, 'home', ['pihole']);
      await applyLan();
    },
    LONG_MS,
  );
});

describe('without attached pods', () => {
  test(
    'helm uninstall ends the attachments first, and nothing is left on any node',
    async () => {
      const roles = parseAllDocuments((await cluster.helm(['get', 'hooks', RELEASE, ...inOurs])).stdout)
        .map((document) => document.toJS() as Role & { readonly kind: string })
        .filter(({ kind }) => kind === 'ClusterRole');
      const { code, said } = await helm('uninstall', RELEASE);
      expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining('done: no attachment is left') });
      await untilNothingIsLeft();
      expect(await isThere('mva,mvn')).toBe(true); // the kinds stay
      expect(
        await kubectl('get', 'clusterroles,clusterrolebindings,validatingadmissionpolicies', '-o', 'name'),
      ).not.toContain('macvlan-');

      const uses = await usesIn(cluster.auditLog, `system:serviceaccount:${OPERATOR_NAMESPACE}:macvlan-uninstall`);
      expect(uses.filter((use) => use.code === 403)).toEqual([]);
      expect(new Set(uses.map((use) => `${use.verb} ${use.resource}`))).toEqual(new Set(roles.flatMap(grantsOf)));
    },
    LONG_MS,
  );
});

describe('when the controller is broken', () => {
  beforeAll(async () => {
    await installWithLan();
    const command = ['/usr/local/bin/node', '-e', 'process.exit(1)'];
    const template = { spec: { containers: [{ name: 'controller', command }] } };
    const patch = { spec: { strategy: { type: 'Recreate', rollingUpdate: null }, template } };
    await kubectl(...inOurs, 'patch', 'deployment', 'macvlan-controller', '-p', JSON.stringify(patch));
    const ready = () => jsonPath('{.status.readyReplicas}', ...inOurs, 'deployment', 'macvlan-controller');
    await until('no controller works', async () => (await ready()) === '', PATIENCE_MS);
  }, LONG_MS);

  test(
    'helm uninstall gives up in time and says where to read on',
    async () => {
      const { code, said } = await helm('uninstall', RELEASE);
      expect(code).not.toBe(0);
      expect(said).toContain('docs/operations/uninstall.md, "When the controller is broken"');
      expect(await isThere(...inOurs, 'daemonset', 'macvlan-agent')).toBe(true);
    },
    LONG_MS,
  );

  test(
    'what is written there works, command by command, and nothing is left on any node',
    async () => {
      const path = [cluster.kubectlPath, cluster.helmPath].map((program) => dirname(program)).join(':');
      const env = {
        PATH: `${path}:${process.env['PATH']}`,
        KUBECONFIG: cluster.kubeconfig,
        HELM_DATA_HOME: cluster.stateDir,
      };
      const { code, stdout, stderr } = await run(
        ['bash', '-euxo', 'pipefail', '-c', commandsUnder('When the controller is broken')],
        { env },
      );
      expect({ code, stdout, stderr }).toMatchObject({ code: 0 });
      await untilNothingIsLeft();
    },
    LONG_MS,
  );
});

/** The commands of the handbook, as a person would copy them. */
function commandsUnder(heading: string): string {
  const section = readFileSync('docs/operations/uninstall.md', 'utf8')
    .split('\n## ')
    .find((part) => part.startsWith(heading));
  const commands = /```sh\n([\s\S]*?)```/.exec(section ?? '')?.[1];
  if (commands === undefined) throw new Error(`the handbook has no commands under "${heading}"`);
  return commands;
}
