// Which Multus the nodes of a test cluster have: the stand-in, unless the environment names a real one.
import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Programs } from './binaries.ts';
import { withLock } from './lock.ts';
import type { Progress } from './progress.ts';
import { imageCache, type Limits, openRegistries } from './registry.ts';

/** Where Multus' own images have the plugin that does everything itself, which is the one that a node's configuration here is for. */
export const MULTUS_IN_IMAGE = 'usr/src/multus-cni/bin/multus';
const EXAMPLE = 'ghcr.io/k8snetworkplumbingwg/multus-cni:v4.2.3';

export interface MultusWish {
  /** Path of a program. */
  readonly bin?: string | undefined;
  /** Reference of an image that has one. */
  readonly image?: string | undefined;
}

/** MULTUS_BIN and MULTUS_IMAGE. */
export function multusWish(): MultusWish {
  return { bin: process.env['MULTUS_BIN'] || undefined, image: process.env['MULTUS_IMAGE'] || undefined };
}

/**
 * Path of what the nodes get as Multus, and one line to `progress` that says which it is.
 * @throws Error with a remedy when the wish cannot be fulfilled: nothing else is taken in its place
 */
export async function chooseMultus(
  wish: MultusWish,
  programs: Programs,
  progress: Progress,
  limits: Limits = {},
): Promise<string> {
  if (wish.bin !== undefined && wish.image !== undefined) {
    throw new Error('MULTUS_BIN and MULTUS_IMAGE both name a Multus: set one of them');
  }
  if (wish.bin !== undefined) {
    const bin = resolve(wish.bin);
    mustRunHere(bin, 'MULTUS_BIN', 'name a program for this machine');
    progress(`Multus is ${bin}`);
    return bin;
  }
  if (wish.image !== undefined) return fromImage(wish.image, progress, limits);
  progress('Multus is the stand-in (MULTUS_BIN or MULTUS_IMAGE names a real one)');
  return programs['multus'] ?? 'multus';
}

/** Kept by the image's digest, so that the registry is asked for its contents once. */
async function fromImage(reference: string, progress: Progress, limits: Limits): Promise<string> {
  const remedy = `name an image that this machine can fetch, such as ${EXAMPLE}, or a program with MULTUS_BIN`;
  try {
    const registries = await openRegistries(progress, limits);
    const image = await registries.find(reference);
    const folder = join(imageCache(), 'multus');
    const program = join(folder, image.digest.replace(':', '-'));
    mkdirSync(folder, { recursive: true });
    const fetch = async () => {
      if (existsSync(program)) return;
      const fresh = `${program}.partial`;
      try {
        await registries.extract(image, MULTUS_IN_IMAGE, fresh);
        mustRunHere(fresh, reference, remedy);
        renameSync(fresh, program);
      } finally {
        rmSync(fresh, { force: true });
      }
    };
    await withLock(program, fetch, (pid) => progress(`waiting for process ${pid}, which fetches ${reference}`));
    progress(`Multus is that of ${reference}, ${image.digest}`);
    return program;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(reason.includes(remedy) ? reason : `MULTUS_IMAGE: ${reason}; ${remedy}`, { cause: error });
  }
}

/** Machines in ELF's numbers. */
const MACHINES: Readonly<Record<string, number>> = { x64: 0x3e, arm64: 0xb7 };

/** A program that a node could not start would only be seen at the first pod. */
function mustRunHere(path: string, source: string, remedy: string): void {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isFile() !== true) throw new Error(`${source}: there is no file ${path}; ${remedy}`);
  const header = Buffer.alloc(20);
  const file = openSync(path, 'r');
  readSync(file, header);
  closeSync(file);
  const isElf = header.toString('latin1', 0, 4) === '\x7fELF';
  if (isElf && header.readUInt16LE(18) !== MACHINES[process.arch]) {
    throw new Error(`${source}: its program is for another architecture than ${process.arch}; ${remedy}`);
  }
  if (!isElf && header.toString('latin1', 0, 2) !== '#!') {
    throw new Error(`${source}: ${path} is not a program; ${remedy}`);
  }
  if ((there.mode & 0o111) === 0) throw new Error(`${source}: ${path} is not executable; chmod +x it`);
}
