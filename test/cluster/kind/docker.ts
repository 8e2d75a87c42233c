// The Docker engine that kind's nodes run in: one that runs on this machine, or one of the harness's own.
import { existsSync } from 'node:fs';
import { run, runOrThrow } from '../../support/run.ts';

export interface Docker {
  /** Its socket as DOCKER_HOST; undefined: wherever the client's own settings lead. */
  readonly host: string | undefined;
  /** PATH on which its client is found. */
  readonly path: string;
  /** The harness has started it, in the cluster's state folder, and ends it. */
  readonly isOurs: boolean;
}

const LABEL = 'io.x-k8s.kind.cluster';
/** The network that kind makes when it is not there, and leaves. */
const NETWORK = 'kind';

/** The engine that answers, whoever runs it. */
export async function runningDocker(path: string): Promise<Docker | undefined> {
  const asked = await run(['docker', 'version', '--format', '{{.Server.Version}}'], { env: { PATH: path } });
  return asked.code === 0 ? { host: process.env['DOCKER_HOST'], path, isOurs: false } : undefined;
}

/** The environment in which `docker` and `kind` talk to this engine. */
export function environmentOf(docker: Docker): Readonly<Record<string, string>> {
  return { PATH: docker.path, ...(docker.host === undefined ? {} : { DOCKER_HOST: docker.host }) };
}

/** What the client prints; throws, with what it says, when it fails. */
export function runDocker(docker: Docker, args: readonly string[], timeoutMs = 300_000): Promise<string> {
  return runOrThrow(['docker', ...args], { env: environmentOf(docker), timeoutMs });
}

export async function hasKindNetwork(docker: Docker): Promise<boolean> {
  const names = await runDocker(docker, ['network', 'ls', '--format', '{{.Name}}']);
  return names.split('\n').includes(NETWORK);
}

/** A node's container. */
export interface Container {
  readonly name: string;
  readonly pid: number;
  readonly address: string;
}

export async function inspectContainer(docker: Docker, name: string): Promise<Container> {
  const [found] = JSON.parse(await runDocker(docker, ['container', 'inspect', name])) as readonly {
    readonly State: { readonly Pid: number };
    readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> };
  }[];
  const address = found?.NetworkSettings.Networks[NETWORK]?.IPAddress;
  const pid = found?.State.Pid ?? 0;
  if (pid === 0 || address === undefined) throw new Error(`${name} does not run`);
  if (!existsSync(`/proc/${pid}/root/kind/version`)) {
    throw new Error(
      `the node ${name} cannot be entered: its Docker engine is not one of this machine's own (a virtual machine?)`,
    );
  }
  return { name, pid, address };
}

/** An engine that stays, as a cluster's record names it. */
export interface ForeignDocker extends Docker {
  /** The network came with the cluster. */
  readonly network: 'Ours' | 'Theirs';
}

/** Removes the nodes of a cluster from an engine that stays, with their volumes, and the network if it came with them. */
export async function removeNodes(docker: ForeignDocker, cluster: string): Promise<void> {
  const listed = await runDocker(docker, ['ps', '--all', '--quiet', '--filter', `label=${LABEL}=${cluster}`]);
  const ids = listed.split('\n').filter((id) => id !== '');
  if (ids.length > 0) await runDocker(docker, ['rm', '--force', '--volumes', ...ids]);
  // Another cluster may have come to use it meanwhile; Docker refuses then.
  if (docker.network === 'Ours') await run(['docker', 'network', 'rm', NETWORK], { env: environmentOf(docker) });
}
