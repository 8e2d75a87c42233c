// The network namespaces of one cluster: each is held by a sleeping process and has a name for `ip -n` and `ip netns exec`.
// Nothing is mounted in the machine's own file system, so that nothing but processes and names has to be cleared away.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Outcome, type RunOptions, run, runOrThrow } from '../support/run.ts';
import { insideCgroup } from './cgroups.ts';
import type { Instance } from './instance.ts';
import type { Processes } from './processes.ts';

const NAMED = '/run/netns';

/** Which namespaces of the holder a command enters. */
export type Entry = readonly ('net' | 'mount' | 'uts' | 'pid')[];

/** One namespace (a node: with its own mounts and host name), reached through its holder. */
export interface Space {
  readonly name: string;
  /** Pid of the holder. */
  readonly pid: number;
  readonly entry: Entry;
}

/** The cgroup that all of the harness' own processes of an instance are in. */
export function harnessCgroup(instance: Instance): string {
  return `${instance.cgroup}/harness`;
}

/** Starts a holder with a network namespace of its own and names it. */
export async function createSpace(instance: Instance, processes: Processes, name: string): Promise<Space> {
  const argv = insideCgroup(harnessCgroup(instance), ['unshare', '--net', '--', 'sleep', 'infinity']);
  const { pid } = processes.start(`space-${name}`, argv, { life: 'Detached' });
  await separated(pid);
  nameSpace(instance, name, pid);
  return { name, pid, entry: ['net'] };
}

/** The space of a running holder; throws when it has gone. */
export function spaceOf(processes: Processes, name: string, entry: Entry = ['net']): Space {
  const holder = processes.running(`space-${name}`);
  if (holder === undefined)
    throw new Error(`the namespace ${name} has no holder any more; end the cluster and start it again`);
  return { name, pid: holder.pid, entry };
}

/** The command that runs `argv` inside. Same process, same pid, unless pids are entered too: signals reach the program itself. */
export function inside(space: Space, argv: readonly string[]): readonly string[] {
  return ['nsenter', `--target=${space.pid}`, ...space.entry.map((kind) => `--${kind}`), '--', ...argv];
}

export function runInside(space: Space, argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return run(inside(space, argv), options);
}

/** Many `ip` commands in one process, one a line. The first that fails ends it. */
export async function ipBatch(space: Space, lines: readonly string[]): Promise<void> {
  await runOrThrow(inside({ ...space, entry: ['net'] }, ['ip', '-batch', '-']), { input: `${lines.join('\n')}\n` });
}

export async function setSysctls(space: Space, settings: Readonly<Record<string, string>>): Promise<void> {
  const pairs = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  await runOrThrow(inside({ ...space, entry: ['net'] }, ['sysctl', '-qw', ...pairs]));
}

/** Waits until the holder has left our network namespace: entered earlier, a command would act on the machine itself. */
export async function separated(pid: number): Promise<void> {
  const own = readlinkSync('/proc/self/ns/net');
  const deadline = performance.now() + 10_000;
  while (networkOf(pid) === own) {
    if (performance.now() > deadline) throw new Error(`process ${pid} did not get a network namespace of its own`);
    await sleep(5);
  }
}

export function nameSpace(instance: Instance, name: string, pid: number): void {
  mkdirSync(NAMED, { recursive: true });
  const link = join(NAMED, `${instance.prefix}${name}`);
  if (existsOrDangles(link)) unlinkSync(link);
  symlinkSync(`/proc/${pid}/ns/net`, link);
}

/** Path of a namespace's name, for tools that take one. */
export function pathOf(instance: Instance, name: string): string {
  return join(NAMED, `${instance.prefix}${name}`);
}

/** Takes the names of an ended instance away: those given, and what else has its prefix and leads to no process any more. */
export function unnameSpaces(instance: Instance, names: readonly string[]): void {
  if (!existsSync(NAMED)) return;
  const known = new Set(names.map((name) => `${instance.prefix}${name}`));
  for (const entry of readdirSync(NAMED)) {
    const link = join(NAMED, entry);
    if (!entry.startsWith(instance.prefix) || !lstatSync(link).isSymbolicLink()) continue;
    if (known.has(entry) || !existsSync(link)) unlinkSync(link);
  }
  try {
    if (readdirSync(NAMED).length === 0) rmdirSync(NAMED);
  } catch {
    // Somebody else uses it (`ip netns` keeps it mounted).
  }
}

function networkOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    throw new Error(`the holder of a namespace (process ${pid}) ended at once: are we root?`);
  }
}

function existsOrDangles(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
