// A cluster in kind: nodes are containers of a Docker engine, Kubernetes is set up by kubeadm as kind has it do; the LAN, the node's
// NICs on it, the CNI configuration and Multus are those of every test cluster.
//
//   loopback port ──▶ engine: dockerd, its bridge 10.89.0.0/24 ──▶ eth0 of each node (a Docker that runs already: its own network)
//   lan: br0 192.0.2.1/24, DHCP ──▶ LAN NIC of each node (each with a name of its own), client 192.0.2.50
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, searchPath } from '../../support/run.ts';
import { auditPolicy, tokensFor } from '../api-server.ts';
import { buildTools, type Programs } from '../binaries.ts';
import { createCgroup, insideCgroup } from '../cgroups.ts';
import { startForwarder } from '../forwarder.ts';
import { clusterOf } from '../handles.ts';
import { kubeconfigFor } from '../kubeconfig.ts';
import { kubernetesRelease } from '../kubernetes.ts';
import { startLan } from '../lan.ts';
import { harnessCgroup, inside, spaceOf } from '../namespaces.ts';
import type { Progress } from '../progress.ts';
import type { Provider, Setting } from '../providers.ts';
import { makeReady } from '../readiness.ts';
import { allTools, kind } from '../tools.ts';
import { API_PORT, type NodeFacts } from '../topology.ts';
import { type ClusterRecord, writeRecord } from '../wipe.ts';
import { isBuiltHere } from './built-image.ts';
import { cgroupDriver, hasCapability } from './capabilities.ts';
import { AUDIT_POLICY, containerName, kindConfig, TOKENS } from './config.ts';
import { connectNodes, type KindNode } from './connect.ts';
import { type Docker, environmentOf, hasKindNetwork, inspectContainer, runningDocker } from './docker.ts';
import { ENGINE_SPACE, startEngine } from './engine.ts';
import { noteChanges, noteMachine } from './host.ts';
import { BUILT, checkVersion, ensureNodeImage, loadNodeImage, nodeArchive } from './node-image.ts';
import { apiFolderOf, kindNodes } from './nodes.ts';
import { enginePath } from './packages.ts';

const CREATE_WITHIN_MS = 10 * 60_000;

export const kindProvider: Provider = {
  programs,
  prepare,
  bringUp,
  holdersOf: ({ nodes }) => ['lan', 'client', ...nodes.map(({ name }) => name)].map((name) => `space-${name}`),
  clusterOf: (instance, record, programs) => clusterOf(instance, record, programs, kindNodes(instance)),
};

function programs(progress: Progress): Promise<Programs> {
  return buildTools([...allTools(), kind], progress);
}

async function prepare(progress: Progress): Promise<Programs> {
  const built = await programs(progress);
  if ((await runningDocker(searchPath())) === undefined) {
    await enginePath(progress);
    await nodeArchive(progress);
  }
  return built;
}

async function bringUp(setting: Setting, record: ClusterRecord): Promise<ClusterRecord> {
  const { instance, processes, programs, options, progress } = setting;
  createCgroup(harnessCgroup(instance));
  const [{ docker, image, made }, { lan }] = await Promise.all([
    findDocker(setting, record),
    startLan(instance, processes),
  ]);
  const token = randomBytes(16).toString('hex');
  await createNodes(setting, made, { docker, image, token });
  const nodes = await Promise.all(made.nodes.map((facts, index) => nodeOf(setting, docker, facts, index)));
  progress('kubeadm is done; connecting the nodes');
  const port = await publishApi(setting, docker, token);
  await connectNodes(setting, nodes, lan);
  const finished: ClusterRecord = { ...made, nodes: nodes.map(({ facts }) => facts), port };
  const cluster = clusterOf(instance, finished, programs, kindNodes(instance));
  await makeReady(cluster, { nadCrd: options.nadCrd ?? 'Installed' });
  // Until it has written its rules the address of the Service `kubernetes` leads nowhere.
  const proxy = await cluster.kubectl(['-n', 'kube-system', 'rollout', 'status', 'ds/kube-proxy', '--timeout=120s']);
  if (proxy.code !== 0) throw new Error(`kube-proxy is not ready: ${proxy.stderr}`);
  if (docker.isOurs) await noteChanges(instance);
  return finished;
}

interface Found {
  readonly docker: Docker;
  /** Reference of the nodes' image, which that engine has. */
  readonly image: string;
  readonly made: ClusterRecord;
}

/** The engine that runs, which is then written down, or one of our own; with the image of the nodes. */
async function findDocker(setting: Setting, record: ClusterRecord): Promise<Found> {
  const { instance, processes, progress } = setting;
  const running = await runningDocker(searchPath());
  if (running !== undefined) {
    progress('using the Docker engine that runs');
    const network = (await hasKindNetwork(running)) ? ('Theirs' as const) : ('Ours' as const);
    const made: ClusterRecord = { ...record, docker: { ...running, network } };
    writeRecord(instance, made);
    return { docker: running, image: await ensureNodeImage(running, progress), made };
  }
  const archive = await nodeArchive(progress); // first: nothing has to end when it cannot be had
  progress('no Docker engine answers: starting one');
  const path = await enginePath(progress);
  await noteMachine(instance);
  const docker = await startEngine(instance, processes, path);
  const image = await loadNodeImage(docker, archive, progress);
  await checkVersion(docker, image);
  return { docker, image, made: record };
}

interface Means {
  readonly docker: Docker;
  readonly image: string;
  /** Of the admin. */
  readonly token: string;
}

async function createNodes(setting: Setting, record: ClusterRecord, { docker, image, token }: Means): Promise<void> {
  const { instance, programs, options, progress } = setting;
  const apiFolder = apiFolderOf(instance);
  mkdirSync(apiFolder, { recursive: true });
  writeFileSync(join(apiFolder, AUDIT_POLICY), auditPolicy());
  writeFileSync(join(apiFolder, TOKENS), tokensFor(token, []), { mode: 0o600 });
  const config = kindConfig({
    nodes: record.nodes,
    minor: kubernetesRelease().minor,
    apiFolder,
    apiServerArgs: options.apiServerArgs ?? [],
    apiPort: docker.isOurs ? API_PORT : 0, // in a network of our own it is free
    cgroups: cgroupDriver(),
    oomScores: hasCapability('CAP_SYS_RESOURCE') ? 'Free' : 'Restricted',
  });
  const file = join(instance.folder, 'kind.json');
  writeFileSync(file, JSON.stringify(config, undefined, 2));
  progress(`kind creates ${record.nodes.length} nodes of ${image}`);
  const argv = [programs['kind'] ?? 'kind', 'create', 'cluster', '--name', instance.name, '--config', file];
  const rest = ['--image', image, '--kubeconfig', kubeconfigOfKind(setting), '--retain'];
  const started = await run(insideCgroup(harnessCgroup(instance), [...argv, ...rest]), {
    env: environmentOf(docker),
    timeoutMs: CREATE_WITHIN_MS,
  });
  if (started.code === 0) return;
  const other = isBuiltHere(image) ? '' : `\nKIND_NODE_IMAGE=${BUILT} takes an image that is built here instead`;
  throw new Error(`kind could not create a cluster of ${image}: ${started.stderr.trim()}${other}`);
}

function kubeconfigOfKind({ instance }: Setting): string {
  return join(instance.folder, 'kind.kubeconfig');
}

/** The node as a place: its container's first process holds it, and is written down like every holder. */
async function nodeOf(setting: Setting, docker: Docker, facts: NodeFacts, index: number): Promise<KindNode> {
  const { instance, processes } = setting;
  const { pid, address } = await inspectContainer(docker, containerName(instance.name, index));
  processes.adopt(`space-${facts.name}`, pid);
  return { facts: { ...facts, address }, space: spaceOf(processes, facts.name) };
}

/** Makes the API answer on a loopback port of this machine, and writes the kubeconfig. Gives the port. */
async function publishApi(setting: Setting, docker: Docker, token: string): Promise<number> {
  const { instance } = setting;
  const text = readFileSync(kubeconfigOfKind(setting), 'utf8');
  const published = Number(/server: https:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1]);
  const ca = Buffer.from(/certificate-authority-data: (\S+)/.exec(text)?.[1] ?? '', 'base64').toString();
  const port = docker.isOurs ? await forward(setting, published) : published;
  const admin = kubeconfigFor({ server: `https://127.0.0.1:${port}`, ca, user: { token } });
  writeFileSync(join(instance.folder, 'kubeconfig'), admin, { mode: 0o600 });
  return port;
}

/** From a port here to one in the engine's namespace. */
async function forward({ instance, processes }: Setting, target: number): Promise<number> {
  const engine = spaceOf(processes, ENGINE_SPACE);
  const enter = (argv: readonly string[]) => insideCgroup(harnessCgroup(instance), inside(engine, argv));
  const { port, pid } = await startForwarder(enter, target, processes.logOf('forwarder'));
  processes.adopt('forwarder', pid);
  return port;
}
