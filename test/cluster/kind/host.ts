// What a kind cluster changes on the machine itself although all its parts are in namespaces: kernel settings that belong to no
// namespace (kubelet, systemd and kind's own sysctl files set them in privileged containers), and the folder that kind mounts.
// Noted before, put back after; of several clusters at once the last one does it.
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { type Instance, STATE_PREFIX } from '../instance.ts';
import { withLock } from '../lock.ts';

const SYSCTLS = '/proc/sys';
/** Those of the network belong to namespaces; the others change by themselves, are tables, or do something when they are touched. */
const LEFT_OUT =
  /^(net\/|fs\/binfmt_misc\/|kernel\/random\/|kernel\/ns_last_pid$|vm\/(drop_caches|compact_memory|stat_refresh)$)/;
/** kind mounts it from the machine, and Docker makes what is not there. */
const MODULES = '/lib/modules';
const NOTE = 'machine.json';

export type Settings = Readonly<Record<string, string>>;

interface Note {
  /** Kernel settings before the start; once the cluster is up, those alone that were changed by then. */
  readonly settings: Settings;
  /** Folders that were not there. */
  readonly folders: readonly string[];
}

/** Every kernel setting that could be written and put back, by its path under /proc/sys. */
export function kernelSettings(): Settings {
  const settings: Record<string, string> = {};
  for (const entry of readdirSync(SYSCTLS, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const key = relative(SYSCTLS, path);
    if (!entry.isFile() || LEFT_OUT.test(key) || (lstatSync(path).mode & 0o600) !== 0o600) continue;
    try {
      settings[key] = readFileSync(path, 'utf8');
    } catch {
      // Not for us to read on this kernel.
    }
  }
  return settings;
}

/** Keys whose value is another one. */
export function changedSettings(before: Settings, now: Settings): readonly string[] {
  return Object.keys(before).filter((key) => now[key] !== undefined && now[key] !== before[key]);
}

/** To be called before anything of a cluster starts. */
export async function noteMachine(instance: Instance): Promise<void> {
  await locked(() => {
    const others = notes();
    const folders = existsSync(MODULES) ? [] : [MODULES];
    const note: Note = {
      settings: { ...kernelSettings(), ...Object.assign({}, ...others.map((other) => other.settings)) },
      folders: [...new Set([...folders, ...others.flatMap((other) => other.folders)])],
    };
    writeFileSync(noteOf(instance.folder), JSON.stringify(note));
    mkdirSync(MODULES, { recursive: true });
    raise('fs/inotify/max_user_instances', 8192); // systemd, kubelet and containerd of every node take some
  });
}

/** To be called when the cluster is up: what is changed later, others have changed. */
export async function noteChanges(instance: Instance): Promise<void> {
  await locked(() => {
    const note = read(instance.folder);
    if (note === undefined) return;
    const keys = new Set(changedSettings(note.settings, kernelSettings()));
    const settings = Object.fromEntries(Object.entries(note.settings).filter(([key]) => keys.has(key)));
    writeFileSync(noteOf(instance.folder), JSON.stringify({ ...note, settings }));
  });
}

/** To be called when nothing of the cluster runs any more. Does nothing for a cluster that noted nothing. */
export async function restoreMachine(instance: Instance): Promise<void> {
  await locked(() => {
    const note = read(instance.folder);
    rmSync(noteOf(instance.folder), { force: true });
    if (note === undefined || notes().length > 0) return;
    for (const key of changedSettings(note.settings, kernelSettings())) write(key, note.settings[key] ?? '');
    for (const folder of note.folders) removeEmpty(folder);
  });
}

function locked(work: () => void): Promise<void> {
  return withLock(
    'kernel settings',
    async () => work(),
    () => {},
  );
}

function noteOf(folder: string): string {
  return join(folder, NOTE);
}

function read(folder: string): Note | undefined {
  if (!existsSync(noteOf(folder))) return undefined;
  return JSON.parse(readFileSync(noteOf(folder), 'utf8')) as Note;
}

/** Those of all clusters. */
function notes(): readonly Note[] {
  return readdirSync(tmpdir())
    .filter((entry) => entry.startsWith(STATE_PREFIX))
    .flatMap((entry) => read(join(tmpdir(), entry)) ?? []);
}

function raise(key: string, least: number): void {
  if (Number(readFileSync(join(SYSCTLS, key), 'utf8')) < least) write(key, String(least));
}

function write(key: string, value: string): void {
  try {
    writeFileSync(join(SYSCTLS, key), value);
  } catch {
    // A limit that only goes one way; the comparison in the tests would show it.
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Somebody has put something in.
  }
}
