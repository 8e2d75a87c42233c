// What a program needs to be loaded, read out of its file: works for programs that this machine cannot run.
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Architecture } from './architectures.ts';

export interface Elf {
  /** As readelf calls it: Architecture.machine. */
  readonly machine: string;
  /** Path of the loader, for programs that have one. */
  readonly interpreter: string | undefined;
  /** Names of libraries. */
  readonly needed: readonly string[];
}

/** Whether the file is a program or a library. */
export function isElf(path: string): boolean {
  const magic = Buffer.alloc(4);
  const file = openSync(path, 'r');
  try {
    return readSync(file, magic) === 4 && magic.toString('latin1') === '\x7fELF';
  } finally {
    closeSync(file);
  }
}

/** Throws when the file is none. Needs binutils, which every compiler brings. */
export function readElf(path: string): Elf {
  const text = execFileSync('readelf', ['--wide', '--file-header', '--program-headers', '--dynamic', path], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return {
    machine: /^ *Machine: +(.*)$/m.exec(text)?.[1] ?? '',
    interpreter: /\[Requesting program interpreter: (.*)\]/.exec(text)?.[1],
    needed: [...text.matchAll(/\(NEEDED\) +Shared library: \[(.*)\]/g)].flatMap((match) => match[1] ?? []),
  };
}

/** Where loaders look when nothing is configured, Debian's folders first. */
function searchFolders({ gnu }: Architecture): readonly string[] {
  return [`/lib/${gnu}`, `/usr/lib/${gnu}`, '/lib64', '/usr/lib64', '/lib', '/usr/lib'];
}

/**
 * Absolute paths, as seen from `root`, of the libraries of these programs, of theirs in turn, and of the loader. Throws with the
 * library's name when one is not there for that architecture.
 */
export function librariesOf(programs: readonly string[], architecture: Architecture, root: string): readonly string[] {
  const found = new Map<string, string>();
  const waiting = [...programs];
  // Loaders first, where programs want them: libraries need the same loader by its name alone.
  for (const { interpreter } of programs.map(readElf)) {
    if (interpreter !== undefined) found.set(basename(interpreter), interpreter);
  }
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const name of readElf(path).needed) {
      if (found.has(name)) continue;
      const library = findLibrary(name, architecture, root);
      found.set(name, library);
      waiting.push(join(root, library));
    }
  }
  return [...found.values()].sort();
}

function findLibrary(name: string, architecture: Architecture, root: string): string {
  const library = searchFolders(architecture)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(join(root, path)) && readElf(join(root, path)).machine === architecture.machine);
  if (library === undefined) throw new Error(`there is no ${name} for ${architecture.name} in the folders of ${root}`);
  return library;
}
