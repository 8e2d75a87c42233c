// What every chapter of the story can reach: the cluster, the stage, and a few things that outlive a chapter.
import type { BuiltImage } from '../../scripts/image.ts';
import type { Cluster, NodeHandle } from '../cluster/cluster.ts';
import type { Place } from '../cluster/provider.ts';
import { type AttachedLink, linksOf, type PodOptions, podManifest } from './pods.ts';
import type { Snapshot } from './snapshot.ts';
import type { Sniffer } from './sniffer.ts';
import type { Outcome, Stage } from './stage.ts';

export const OPERATOR_NAMESPACE = 'macvlan-system';

export interface World {
  readonly cluster: Cluster;
  readonly stage: Stage;
  /** The operator's image, loaded into every node. */
  readonly image: BuiltImage;
  /** Taken before the chart was installed. */
  before: Snapshot;
  sniffer: Sniffer | undefined;
  /** MAC addresses of every shim there has been, for the judgement of what the LAN saw. */
  readonly shimMacs: Set<string>;
}

/** One part of the story; its checks land on the stage. */
export interface Chapter {
  readonly title: string;
  readonly tell: (world: World) => Promise<void>;
}

export function nodeOf(world: World, name: string): NodeHandle {
  return world.cluster.node(name);
}

/** Runs kubectl and shows it. */
export function kubectl(world: World, args: readonly string[], input?: string): Promise<Outcome> {
  const shown = args.map((arg) => (/[\s{}'"]/.test(arg) ? `'${arg}'` : arg)).join(' ');
  return world.stage.show(`kubectl ${shown}`, () =>
    world.cluster.kubectl([...args], input === undefined ? {} : { input }),
  );
}

/** Runs kubectl without showing it, and gives its JSON. */
export async function kubeJson<T>(world: World, args: readonly string[]): Promise<T> {
  const outcome = await world.cluster.kubectl([...args, '-o', 'json']);
  if (outcome.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${outcome.stderr.trim()}`);
  return JSON.parse(outcome.stdout) as T;
}

/** Creates pods and waits until all of them run; gives the attachment links of each, in order. */
export async function startPods(
  world: World,
  pods: readonly PodOptions[],
): Promise<readonly (readonly AttachedLink[])[]> {
  const list = { apiVersion: 'v1', kind: 'List', items: pods.map(podManifest) };
  for (const pod of pods) {
    world.stage.say(
      `pod ${pod.namespace}/${pod.name} on ${pod.node}${pod.networks === undefined ? '' : `, networks: ${pod.networks}`}`,
    );
  }
  const applied = await world.cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(list) });
  if (applied.code !== 0) throw new Error(applied.stderr);
  const links: (readonly AttachedLink[])[] = [];
  for (const pod of pods) {
    const json = await world.stage.eventually(`pod ${pod.name} runs`, () => runningPod(world, pod), {
      timeoutMs: 90_000,
    });
    links.push(json === undefined ? [] : linksOf(json));
  }
  return links;
}

async function runningPod(world: World, pod: PodOptions): Promise<string | undefined> {
  const got = await world.cluster.kubectl(['-n', pod.namespace, 'get', 'pod', pod.name, '-o', 'json']);
  const phase = (JSON.parse(got.stdout) as { status?: { phase?: string } }).status?.phase;
  return phase === 'Running' ? got.stdout : undefined;
}

/** Runs the test program inside a pod. */
export function inPod(world: World, namespace: string, pod: string, args: readonly string[]): Promise<Outcome> {
  return world.cluster.kubectl(['-n', namespace, 'exec', pod, '--', '/toolbox', ...args]);
}

export async function deletePods(world: World, namespace: string, names: readonly string[]): Promise<void> {
  await world.cluster.kubectl(['-n', namespace, 'delete', 'pod', ...names, '--wait=true', '--timeout=60s']);
}

/** A command that tells whether something can be reached, and how a person would write it. */
export interface Probe {
  readonly command: string;
  readonly run: () => Promise<Outcome>;
}

export function pingFrom(name: string, place: Place, address: string): Probe {
  const argv = ['ping', '-c1', '-W1', address];
  return { command: `${name}: ${argv.join(' ')}`, run: () => place.exec(argv) };
}

export function pingFromPod(world: World, pod: string, address: string): Probe {
  const [namespace = '', name = ''] = pod.split('/');
  return {
    command: `kubectl -n ${namespace} exec ${name} -- /toolbox ping -c 1 ${address}`,
    run: () => inPod(world, namespace, name, ['ping', '-c', '1', address]),
  };
}

/** Holds when the probe exits with 0 within a few tries: the first packet may wait for a neighbour. Shows the try that did. */
export async function reaches(world: World, sentence: string, probe: Probe): Promise<void> {
  const look = async () => {
    const outcome = await probe.run();
    if (outcome.code !== 0) return undefined;
    await world.stage.show(probe.command, async () => ({ ...outcome, stdout: answerLine(outcome.stdout), stderr: '' }));
    return true;
  };
  await world.stage.eventually(sentence, look, { timeoutMs: 15_000, everyMs: 200 });
}

function answerLine(said: string): string {
  return said.split('\n').find((line) => /time=/.test(line)) ?? said;
}

/** Notes the MAC addresses of the shims that there are now. */
export async function rememberShims(world: World): Promise<void> {
  const states = await kubeJson<{ items: { status?: { shims?: { mac: string }[] } }[] }>(world, ['get', 'mvn']);
  for (const state of states.items) for (const shim of state.status?.shims ?? []) world.shimMacs.add(shim.mac);
}
