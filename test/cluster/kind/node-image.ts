// The image of kind's nodes: the standard one where it can be had, else one that is built here; KIND_NODE_IMAGE names another.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { kubernetesRelease } from '../kubernetes.ts';
import { withLock } from '../lock.ts';
import type { Progress } from '../progress.ts';
import { type Limits, openRegistries } from '../registry.ts';
import { builtNodeImage, builtReferenceOf } from './built-image.ts';
import { type Docker, runDocker } from './docker.ts';
import { kindCache } from './packages.ts';

/** As KIND_NODE_IMAGE: the one that is built here, without asking a registry. */
export const BUILT = 'built';
const PULL_WITHIN_MS = 10 * 60_000;

/** An image that Docker can be given: a docker archive on this machine and what it is called. */
export interface NodeArchive {
  readonly archive: string;
  readonly reference: string;
}

/** What KIND_NODE_IMAGE says; undefined: nothing. */
export function namedNodeImage(): string | undefined {
  return process.env['KIND_NODE_IMAGE'] || undefined;
}

/** Name of the image that kind's makers publish for the Kubernetes that K8S names. */
export function standardNodeImage(): string {
  return `kindest/node:v${kubernetesRelease().version}`;
}

/**
 * The image for an engine of the harness's own, which has no network to pull by: fetched in this machine's, or built.
 * @throws Error when the image that KIND_NODE_IMAGE names cannot be had
 */
export async function nodeArchive(progress: Progress, limits: Limits = {}): Promise<NodeArchive> {
  const fetched = await wanted((reference) => fetchNodeImage(reference, progress, limits), progress);
  if (fetched !== undefined) return fetched;
  return builtArchive(progress);
}

/** Sees to it that an engine that runs has the image, and gives its reference: its own, pulled by itself, or built here. */
export async function ensureNodeImage(docker: Docker, progress: Progress): Promise<string> {
  const pulled = await wanted(async (reference) => {
    if (await has(docker, reference)) return reference;
    progress(`pulling ${reference}`);
    await runDocker(docker, ['pull', '--quiet', reference], PULL_WITHIN_MS);
    return reference;
  }, progress);
  const reference = pulled ?? (await loadNodeImage(docker, await builtArchive(progress), progress));
  await checkVersion(docker, reference);
  return reference;
}

/** Loads an archive unless Docker has it, and gives the reference. */
export async function loadNodeImage(docker: Docker, image: NodeArchive, progress: Progress): Promise<string> {
  const { archive, reference } = image;
  if (await has(docker, reference)) return reference;
  progress('loading the node image into Docker');
  const said = await runDocker(docker, ['load', '--quiet', '--input', archive]);
  const loaded = /^Loaded image: (\S+)$/m.exec(said)?.[1] ?? reference;
  if (loaded === reference || reference.includes('@')) return loaded; // a digest cannot be given as a name
  await runDocker(docker, ['tag', loaded, reference]);
  return reference;
}

/**
 * A Kubernetes of another minor version would be set up by a configuration that is not its own, and fail far from here.
 * Standard and built images have theirs in the name.
 */
export async function checkVersion(docker: Docker, reference: string): Promise<void> {
  if (namedNodeImage() === undefined || namedNodeImage() === BUILT) return;
  const look = ['run', '--rm', '--network', 'none', '--entrypoint', 'cat', reference, '/kind/version'];
  const version = await runDocker(docker, look).catch((error) => {
    throw new Error(`KIND_NODE_IMAGE=${reference} is no node image of kind's: ${reasonOf(error)}`, { cause: error });
  });
  const { minor } = kubernetesRelease();
  if (version.trim().startsWith(`v${minor}.`)) return;
  const own = /^v(\d+\.\d+)/.exec(version)?.[1] ?? version.trim();
  throw new Error(
    `KIND_NODE_IMAGE=${reference} has Kubernetes ${version.trim()}: set K8S=${own}, or name one of ${minor}`,
  );
}

async function has(docker: Docker, reference: string): Promise<boolean> {
  const found = await runDocker(docker, ['image', 'ls', '--quiet', reference]);
  return found.trim() !== '';
}

async function builtArchive(progress: Progress): Promise<NodeArchive> {
  const archive = await builtNodeImage(progress);
  return { archive, reference: builtReferenceOf(archive) };
}

/** What `get` gives for the image that is wanted; undefined: build it. Only the standard one may be missing. */
async function wanted<T>(get: (reference: string) => Promise<T>, progress: Progress): Promise<T | undefined> {
  const named = namedNodeImage();
  if (named === BUILT) return undefined;
  try {
    return await get(named ?? standardNodeImage());
  } catch (error) {
    if (named !== undefined) {
      const remedy = `name one that can be fetched, or "${BUILT}" for one that is built here`;
      throw new Error(`KIND_NODE_IMAGE: ${reasonOf(error)}; ${remedy}`, { cause: error });
    }
    progress(`no standard node image, so one that is built here: ${reasonOf(error)}`);
    return undefined;
  }
}

/** Into the cache, by digest: the registry is asked each time which image it is, and once for what is in it. */
async function fetchNodeImage(reference: string, progress: Progress, limits: Limits): Promise<NodeArchive> {
  const registries = await openRegistries(progress, limits);
  const image = await registries.find(reference);
  const prefix = `fetched-${createHash('sha256').update(reference).digest('hex').slice(0, 12)}-`;
  const archive = join(kindCache(), `${prefix}${image.digest.replace(':', '-')}.tar`);
  const fetch = async () => {
    if (existsSync(archive)) return;
    progress(`fetching ${reference}`);
    mkdirSync(kindCache(), { recursive: true });
    await registries.pull(image, archive);
    for (const file of readdirSync(kindCache())) {
      if (file.startsWith(prefix) && join(kindCache(), file) !== archive) rmSync(join(kindCache(), file)); // half a gigabyte
    }
  };
  await withLock(archive, fetch, (pid) => progress(`waiting for process ${pid}, which fetches ${reference}`));
  return { archive, reference };
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
