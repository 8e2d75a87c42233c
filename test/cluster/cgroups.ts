// The cgroups of one cluster. Whatever it starts stays in them, so that nothing has to be searched for at the end: version 1
// (one tree per controller) and version 2.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = '/sys/fs/cgroup';
/** Where membership is kept on version 1; each machine has at least one of these. */
const TRACKING = ['pids', 'systemd', 'freezer', 'memory'];

/** Makes a cgroup in every hierarchy, ready for processes: on version 1 a new cpuset is empty until it is filled. */
export function createCgroup(path: string): void {
  for (const hierarchy of hierarchies()) {
    const parts = path.split('/');
    for (const [index] of parts.entries()) {
      const folder = join(hierarchy, ...parts.slice(0, index + 1));
      mkdirSync(folder, { recursive: true });
      for (const file of ['cpuset.cpus', 'cpuset.mems']) copyFromParent(folder, file);
      if (index < parts.length - 1) delegateControllers(folder);
    }
  }
}

/** The file that takes the pid of a new member. */
export function membersFileOf(path: string): string {
  const tracking = TRACKING.map((name) => join(ROOT, name)).find((folder) => existsSync(folder));
  return join(tracking ?? ROOT, path, 'cgroup.procs');
}

/** A command that puts itself into the cgroup before it becomes `argv`, so that all it starts is in there too. */
export function insideCgroup(path: string, argv: readonly string[]): readonly string[] {
  return ['sh', '-c', 'echo $$ > "$0" && exec "$@"', membersFileOf(path), ...argv];
}

/** Kills every process in the cgroup and below, in all hierarchies, and removes it. True when there was one. */
export async function endCgroup(path: string): Promise<boolean> {
  const roots = hierarchies()
    .map((hierarchy) => join(hierarchy, path))
    .filter((folder) => existsSync(folder));
  const deadline = performance.now() + 15_000;
  while (performance.now() < deadline) {
    const pids = new Set(roots.flatMap(membersOf));
    if (pids.size === 0 && roots.every(removeTree)) return roots.length > 0;
    for (const pid of pids) kill(pid);
    await sleep(20);
  }
  throw new Error(`cgroup ${path} still has processes: ${[...new Set(roots.flatMap(membersOf))].join(', ')}`);
}

function hierarchies(): readonly string[] {
  if (existsSync(join(ROOT, 'cgroup.controllers'))) return [ROOT];
  return readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(ROOT, entry.name));
}

function copyFromParent(folder: string, file: string): void {
  const path = join(folder, file);
  if (!existsSync(path) || readFileSync(path, 'utf8').trim() !== '') return;
  if (existsSync(join(dirname(folder), file))) writeFileSync(path, readFileSync(join(dirname(folder), file)));
}

/** Version 2: children get a controller only when the parent hands it on. Some cannot be; the rest is still worth having. */
function delegateControllers(folder: string): void {
  for (const parent of [dirname(folder), folder]) {
    const available = join(parent, 'cgroup.controllers');
    if (!existsSync(available)) return;
    for (const controller of readFileSync(available, 'utf8').trim().split(/\s+/)) {
      try {
        if (controller !== '') writeFileSync(join(parent, 'cgroup.subtree_control'), `+${controller}`);
      } catch {
        // Not delegated here; what needs it will say so itself.
      }
    }
  }
}

function membersOf(folder: string): readonly number[] {
  try {
    const own = readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    return [...own, ...childrenOf(folder).flatMap(membersOf)];
  } catch {
    return []; // it went away meanwhile
  }
}

/** Removes the folder and all below it; false while something is still in there. */
function removeTree(folder: string): boolean {
  try {
    for (const child of childrenOf(folder)) if (!removeTree(child)) return false;
    rmdirSync(folder);
    return true;
  } catch {
    return !existsSync(folder);
  }
}

function childrenOf(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
