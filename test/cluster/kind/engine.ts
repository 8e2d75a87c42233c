// A Docker engine of the harness's own, where none runs: in a network and a mount namespace of the cluster, with all its files in the
// cluster's state folder and its containers in the cluster's cgroup. What is to be cleared away is what every cluster has.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../support/run.ts';
import { insideCgroup } from '../cgroups.ts';
import type { Instance } from '../instance.ts';
import { createSpace, harnessCgroup, inside, ipBatch, type Space } from '../namespaces.ts';
import type { Processes } from '../processes.ts';
import { lackingCapabilities } from './capabilities.ts';
import { type Docker, environmentOf } from './docker.ts';

/** Name of the engine's network namespace. */
export const ENGINE_SPACE = 'engine';
const PROCESS = 'dockerd';
const READY_WITHIN_MS = 60_000;

/** How the engine of this instance is talked to, whether it runs or not. */
export function engineOf(instance: Instance, path: string): Docker {
  return { host: `unix://${join(instance.folder, 'docker.sock')}`, path, isOurs: true };
}

/** Starts it and waits until it answers. */
export async function startEngine(instance: Instance, processes: Processes, path: string): Promise<Docker> {
  const docker = engineOf(instance, path);
  const space = await createSpace(instance, processes, ENGINE_SPACE);
  await ipBatch(space, ['link set lo up']);
  processes.start(PROCESS, insideCgroup(harnessCgroup(instance), engineArgv(instance, space, docker)), {
    life: 'Detached',
    env: { PATH: path },
  });
  const deadline = performance.now() + READY_WITHIN_MS;
  while ((await run(['docker', 'version'], { env: environmentOf(docker) })).code !== 0) {
    if (processes.running(PROCESS) === undefined || performance.now() > deadline) {
      throw new Error(`the Docker engine does not answer:\n${processes.lastWords(PROCESS)}`);
    }
    await sleep(100);
  }
  return docker;
}

/** Its /run is empty and its own: Docker keeps namespaces and sockets of its parts there, whatever folders it is given. */
function engineArgv(instance: Instance, space: Space, docker: Docker): readonly string[] {
  const settings = join(instance.folder, 'dockerd.json');
  writeFileSync(settings, JSON.stringify(engineSettings(instance, docker.host ?? '')));
  const script = 'mount -t tmpfs -o mode=755 tmpfs /run && exec "$0" "$@"';
  const alone = ['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c', script];
  return inside(space, [...alone, 'dockerd', '--config-file', settings]);
}

function engineSettings(instance: Instance, host: string): object {
  const folder = join(instance.folder, 'docker');
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  return {
    hosts: [host],
    'data-root': join(folder, 'data'),
    'exec-root': join(folder, 'exec'),
    pidfile: join(folder, 'dockerd.pid'),
    'deprecated-key-path': join(folder, 'key.json'), // the default is in /etc
    'storage-driver': 'overlay2',
    'exec-opts': ['native.cgroupdriver=cgroupfs'], // there may be no systemd to ask
    'cgroup-parent': `/${instance.cgroup}/nodes`,
    // Nothing leaves the namespace: the network of the nodes is all there is to make.
    bridge: 'none',
    iptables: false,
    ip6tables: false,
    'default-address-pools': [{ base: '10.89.0.0/16', size: 24 }],
    ...runtimeSettings(folder),
  };
}

/** runc itself, or where root lacks a capability the program that has it ask for less. */
function runtimeSettings(folder: string): object {
  if (lackingCapabilities().length === 0) return {};
  const script = join(folder, 'runc-with-less');
  const lessen = [process.execPath, join(import.meta.dirname, 'capabilities.ts')].map((path) => `'${path}'`).join(' ');
  writeFileSync(script, `#!/bin/sh\n${lessen} "$@" && exec runc "$@"\n`);
  chmodSync(script, 0o755);
  return { runtimes: { less: { path: script } }, 'default-runtime': 'less' };
}
