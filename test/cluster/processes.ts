// The long-running processes of one cluster: started with a log file each, written down, ended by what was written down.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { searchPath } from '../support/run.ts';
import { endProcess, isRunning, type ProcessRecord, recordOf, signal } from './pid.ts';

export interface StartOptions {
  /** `Owner`: the kernel kills it with the thread that started it. `Detached`: it stays when this process ends. */
  readonly life: 'Owner' | 'Detached';
  readonly env?: Readonly<Record<string, string>>;
}

/** Processes under one state folder: `<folder>/pids/<name>` and `<folder>/log/<name>.log`. */
export class Processes {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(join(folder, 'pids'), { recursive: true });
    mkdirSync(join(folder, 'log'), { recursive: true });
  }

  start(name: string, argv: readonly string[], options: StartOptions): ProcessRecord {
    const log = openSync(this.logOf(name), 'a');
    const command = options.life === 'Owner' ? ['setpriv', '--pdeathsig', 'KILL', ...argv] : argv;
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      cwd: this.#folder,
      detached: true,
      env: { ...process.env, PATH: searchPath(), ...options.env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    child.on('error', () => {}); // told below: there is no pid
    child.unref();
    if (child.pid === undefined) throw new Error(`${name} could not be started: ${argv.join(' ')}`);
    return this.adopt(name, child.pid);
  }

  /** Writes down a process that somebody else started. */
  adopt(name: string, pid: number): ProcessRecord {
    const record = recordOf(pid);
    if (record === undefined) throw new Error(`${name} ended at once:\n${this.lastWords(name)}`);
    writeFileSync(this.#pidFile(name), JSON.stringify(record));
    return record;
  }

  /** The process of this name, if it runs. */
  running(name: string): ProcessRecord | undefined {
    const record = this.#read(name);
    return record !== undefined && isRunning(record) ? record : undefined;
  }

  /** Names of all that were ever started and not ended. */
  names(): readonly string[] {
    return readdirSync(join(this.#folder, 'pids')).sort();
  }

  /** Ends a process: SIGTERM first, SIGKILL after `graceMs` (0: at once). */
  async end(name: string, graceMs: number): Promise<void> {
    const record = this.#read(name);
    if (record !== undefined) {
      if (graceMs === 0) signal(record, 'SIGKILL');
      await endProcess(record, graceMs);
    }
    rmSync(this.#pidFile(name), { force: true });
  }

  /** Kills everything at once, without waiting: for a process that is itself about to end. */
  killAll(): void {
    for (const name of this.names()) {
      const record = this.#read(name);
      if (record !== undefined) signal(record, 'SIGKILL');
    }
  }

  logOf(name: string): string {
    return join(this.#folder, 'log', `${name}.log`);
  }

  /** The last lines that a process wrote, for an error message. */
  lastWords(name: string): string {
    if (!existsSync(this.logOf(name))) return '';
    return readFileSync(this.logOf(name), 'utf8').trimEnd().split('\n').slice(-12).join('\n');
  }

  #pidFile(name: string): string {
    return join(this.#folder, 'pids', name);
  }

  #read(name: string): ProcessRecord | undefined {
    try {
      return JSON.parse(readFileSync(this.#pidFile(name), 'utf8')) as ProcessRecord;
    } catch {
      return undefined;
    }
  }
}
