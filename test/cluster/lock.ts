// One at a time across processes: a file that names its holder, taken over when the holder has died.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, type ProcessRecord, recordOf } from './pid.ts';

/** Runs `work` while holding the lock `path`. `waiting` is told once when somebody else holds it. */
export async function withLock<T>(path: string, work: () => Promise<T>, waiting: (pid: number) => void): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  let told = false;
  while (!take(path)) {
    const holder = holderOf(path);
    if (holder === undefined || !isRunning(holder)) {
      rmSync(path, { force: true });
      continue;
    }
    if (!told) waiting(holder.pid);
    told = true;
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path: string): boolean {
  try {
    writeFileSync(path, JSON.stringify(recordOf(process.pid)), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}

/** The holder; undefined when the file is gone, or was left half written by a holder that died. */
function holderOf(path: string): ProcessRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessRecord;
  } catch {
    return undefined;
  }
}
