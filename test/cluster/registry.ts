// Images from a registry without a container engine: crane asks and fetches, with the credentials that `docker login` keeps.
// What cannot be had is an error of one line with the registry's reason, within a bounded time.
import { lstatSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { imageArchitecture } from '../../scripts/docker-archive.ts';
import { run } from '../support/run.ts';
import { buildTools, folderOf } from './binaries.ts';
import type { Progress } from './progress.ts';
import { crane } from './tools.ts';

/** An image for this machine that a registry has. */
export interface RegistryImage {
  /** As it was asked for. */
  readonly reference: string;
  /** `sha256:` and 64 hexadecimal digits; of the one image, where the reference names several for different machines. */
  readonly digest: string;
}

export interface Limits {
  /** For an answer about an image. Default 10 s. */
  readonly answerMs?: number;
  /** For all of its contents. Default 10 minutes. */
  readonly fetchMs?: number;
}

const ANSWER_WITHIN_MS = 10_000;
const FETCH_WITHIN_MS = 10 * 60_000;

/** A registry's images, as crane has them. */
export interface Registries {
  /** The image behind a reference; throws when it cannot be had, or is for another kind of machine. */
  find(reference: string): Promise<RegistryImage>;
  /** Writes an image as a docker archive; its only tag there is `i-was-a-digest`. */
  pull(image: RegistryImage, out: string): Promise<void>;
  /** Writes one file of an image; throws when it has no such file. `path` without a leading slash. */
  extract(image: RegistryImage, path: string, out: string): Promise<void>;
}

/** Folder of what is kept of images, beside that of the programs. */
export function imageCache(): string {
  return join(dirname(dirname(folderOf(crane))), 'images');
}

/** Builds crane if it is not there yet: half a minute, once. */
export async function openRegistries(progress: Progress, limits: Limits = {}): Promise<Registries> {
  const programs = await buildTools([crane], progress);
  const { answerMs = ANSWER_WITHIN_MS, fetchMs = FETCH_WITHIN_MS } = limits;
  const ask = (reference: string, args: readonly string[], timeoutMs: number) =>
    askCrane(reference, [programs['crane'] ?? 'crane', ...args], timeoutMs);
  const architecture = imageArchitecture();
  return {
    find: async (reference) => {
      const platform = ['--platform', `linux/${architecture}`];
      const digest = (await ask(reference, ['digest', ...platform, reference], answerMs)).trim();
      const image = { reference, digest };
      // An image that stands alone comes whatever was asked for.
      const config = JSON.parse(await ask(reference, ['config', pinned(image)], answerMs)) as { architecture?: string };
      if (config.architecture !== architecture) {
        throw new Error(`${reference}: it is for ${config.architecture}, and this machine is ${architecture}`);
      }
      return image;
    },
    pull: async (image, out) => {
      const partial = `${out}.partial`;
      try {
        await ask(image.reference, ['pull', pinned(image), partial], fetchMs);
        renameSync(partial, out);
      } finally {
        rmSync(partial, { force: true });
      }
    },
    extract: async (image, path, out) => {
      const work = mkdtempSync(join(dirname(out), 'work-'));
      try {
        const whole = join(work, 'image.tar');
        await ask(image.reference, ['export', pinned(image), whole], fetchMs);
        const unpacked = await run(['tar', '-C', work, '-xf', whole, '--no-same-owner', path]);
        const file = join(work, path);
        if (unpacked.code !== 0 || lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
          throw new Error(`${image.reference}: it has no file /${path}`);
        }
        renameSync(file, out);
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    },
  };
}

/** The same image even when its tag is moved in between. */
function pinned({ reference, digest }: RegistryImage): string {
  const named = reference.split('@')[0] ?? reference;
  return `${named.replace(/:[^:/]+$/, '')}@${digest}`;
}

async function askCrane(reference: string, argv: readonly string[], timeoutMs: number): Promise<string> {
  const started = performance.now();
  const { code, stdout, stderr } = await run(argv, { timeoutMs });
  if (code === 0) return stdout;
  if (performance.now() - started >= timeoutMs) {
    throw new Error(`${reference}: the registry did not answer within ${timeoutMs / 1000} s`);
  }
  const reason = stderr.trim().split('\n').at(-1) ?? '';
  throw new Error(`${reference}: ${reason.replace(/^Error: /, '') || `crane ended with ${code}`}`);
}
