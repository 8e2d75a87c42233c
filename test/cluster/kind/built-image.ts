// A node image for kind that is built here, from the cluster's own programs and Debian packages, and kept.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { runOrThrow, searchPath } from '../../support/run.ts';
import { buildTools, folderOf, type Programs } from '../binaries.ts';
import { kubernetesRelease } from '../kubernetes.ts';
import { withLock } from '../lock.ts';
import type { Progress } from '../progress.ts';
import * as tools from '../tools.ts';
import { debianRelease, enginePath, kindCache } from './packages.ts';

const SCRIPTS = join(import.meta.dirname, 'image');
const BUILD_WITHIN_MS = 15 * 60_000;

/** Path of the image as a docker archive in the cache; builds it when it, or anything that it is made of, is not there. */
export async function builtNodeImage(progress: Progress): Promise<string> {
  const { version } = kubernetesRelease();
  const archive = join(kindCache(), `node-${version}-${imageKey()}.tar`);
  if (existsSync(archive)) return archive;
  const programs = await buildTools(imageTools(), progress);
  const waiting = (pid: number) => progress(`waiting for process ${pid}, which builds the node image`);
  await withLock(archive, () => build(archive, programs, progress), waiting);
  return archive;
}

const REPOSITORY = 'localhost/macvlan-operator-';

/** The reference under which Docker loads that archive. */
export function builtReferenceOf(archive: string): string {
  return `${REPOSITORY}${archive.slice(archive.lastIndexOf('/') + 1, -'.tar'.length).replace('-', ':')}`;
}

export function isBuiltHere(reference: string): boolean {
  return reference.startsWith(REPOSITORY);
}

function imageTools(): readonly tools.Tool[] {
  const { kubernetes, kubernetesNode, etcd, coredns, containerd, runc, cniPlugins, kind } = tools;
  return [kubernetes, kubernetesNode, etcd, coredns, containerd, runc, cniPlugins, kind];
}

/** Changes with whatever may change the image: programs by their own keys, kind's files by its version, the scripts by their text. */
function imageKey(): string {
  const hash = createHash('sha256').update(JSON.stringify([imageTools().map(folderOf), suite()]));
  for (const file of readdirSync(SCRIPTS).sort()) hash.update(readFileSync(join(SCRIPTS, file)));
  return hash.digest('hex').slice(0, 12);
}

/** The machine's own Debian: programs that are built here fit its libraries. */
function suite(): string {
  return debianRelease() ?? 'bookworm';
}

async function build(archive: string, programs: Programs, progress: Progress): Promise<void> {
  if (existsSync(archive)) return; // built while we waited
  const started = performance.now();
  const env = { PATH: await enginePath(progress) };
  const base = await baseSystem(env, progress);
  const work = mkdtempSync(join(kindCache(), 'work-'));
  try {
    progress('building the node image');
    const out = join(work, 'node.tar');
    await runOrThrow([join(SCRIPTS, 'node.sh')], {
      env: {
        ...env,
        BASE: base,
        KIND: await moduleFolder(),
        PROGRAMS: gather(join(work, 'programs'), programs),
        VERSION: `v${kubernetesRelease().version}`,
        TAG: builtReferenceOf(archive),
        OUT: out,
        WORK: work,
      },
      timeoutMs: BUILD_WITHIN_MS,
    });
    for (const older of archivesOf(kubernetesRelease().version)) rmSync(older); // each is more than half a gigabyte
    renameSync(out, archive);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  progress(`built the node image in ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

function archivesOf(version: string): readonly string[] {
  return readdirSync(kindCache())
    .filter((file) => file.startsWith(`node-${version}-`) && file.endsWith('.tar'))
    .map((file) => join(kindCache(), file));
}

/** Path of the tar of a root file system for node images. */
async function baseSystem(env: Readonly<Record<string, string>>, progress: Progress): Promise<string> {
  const script = join(SCRIPTS, 'base.sh');
  const key = createHash('sha256').update(readFileSync(script)).digest('hex').slice(0, 12);
  const base = join(kindCache(), `base-${suite()}-${process.arch}-${key}.tar`);
  const make = async () => {
    if (existsSync(base)) return;
    progress(`making a root file system of Debian ${suite()}`);
    const work = mkdtempSync(join(kindCache(), 'work-'));
    try {
      const out = join(work, 'base.tar');
      await runOrThrow([script], { env: { ...env, SUITE: suite(), OUT: out, WORK: work }, timeoutMs: BUILD_WITHIN_MS });
      renameSync(out, base);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  };
  await withLock(base, make, (pid) => progress(`waiting for process ${pid}, which makes the root file system`));
  return base;
}

/** All programs in one folder, the CNI plugins in one of their own. */
function gather(folder: string, programs: Programs): string {
  const plugins = new Set(tools.cniPlugins.packages.map((path) => tools.programOf(tools.cniPlugins, path)));
  mkdirSync(join(folder, 'cni'), { recursive: true });
  for (const [name, path] of Object.entries(programs)) {
    copyFileSync(path, join(folder, plugins.has(name) ? 'cni' : '', name));
  }
  return folder;
}

/** Where Go keeps kind's source, at the version that its go.mod pins. */
async function moduleFolder(): Promise<string> {
  const list = ['go', 'list', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/kind'];
  const env = { GOFLAGS: '-mod=readonly', GOWORK: 'off', PATH: searchPath() };
  await runOrThrow(['go', 'mod', 'download', 'sigs.k8s.io/kind'], { cwd: tools.kind.folder, env });
  return (await runOrThrow(list, { cwd: tools.kind.folder, env })).trim();
}
