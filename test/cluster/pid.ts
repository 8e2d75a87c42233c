// Which process a pid means: a number alone may have been given to somebody else since, number and start time may not.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process as it is written down: `started` is the kernel's start time in clock ticks since boot. */
export interface ProcessRecord {
  readonly pid: number;
  readonly started: string;
}

/** The record of a running process; undefined when there is none, or only its unreaped remains. */
export function recordOf(pid: number): ProcessRecord | undefined {
  const stat = statOf(pid);
  if (stat === undefined || (stat.state === 'Z' && threadsOf(pid) <= 1)) return undefined;
  return { pid, started: stat.started };
}

/** While other threads are still on their way out, a process whose first thread has ended holds its sockets. */
function threadsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

/** Whether the very process that was written down still runs. */
export function isRunning(record: ProcessRecord): boolean {
  return recordOf(record.pid)?.started === record.started;
}

/** Sends a signal to the very process that was written down; false when it has gone. */
export function signal(record: ProcessRecord, name: NodeJS.Signals): boolean {
  if (!isRunning(record)) return false;
  try {
    process.kill(record.pid, name);
    return true;
  } catch {
    return false;
  }
}

/** Asks a process to end, waits up to `graceMs`, then kills it. Resolves when it has gone. */
export async function endProcess(record: ProcessRecord, graceMs: number): Promise<void> {
  if (!signal(record, 'SIGTERM')) return;
  if (await goneWithin(record, graceMs)) return;
  signal(record, 'SIGKILL');
  await goneWithin(record, 10_000);
}

async function goneWithin(record: ProcessRecord, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (isRunning(record)) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

interface Stat {
  readonly state: string;
  readonly parent: number;
  readonly started: string;
}

/** The fields of /proc/<pid>/stat that follow the program's name, which may itself hold spaces and parentheses. */
export function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', parent: Number(fields[1]), started: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}
