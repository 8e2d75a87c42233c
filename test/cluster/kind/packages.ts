// Debian's Docker engine and mmdebstrap, unpacked into the cache and not installed: no service starts, no account is made.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../../scripts/cache.ts';
import { run, runOrThrow, searchPath } from '../../support/run.ts';
import { withLock } from '../lock.ts';
import type { Progress } from '../progress.ts';

const PACKAGES = ['docker.io', 'containerd', 'runc', 'mmdebstrap'];

/** Folder of everything of kind's that is kept between runs. */
export function kindCache(): string {
  return join(cacheFolder(), 'kind');
}

/** Debian's code name for this machine's release; undefined on anything else. */
export function debianRelease(): string | undefined {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(text)?.[1];
  return field('ID') === 'debian' ? field('VERSION_CODENAME') : undefined;
}

/**
 * Downloads and unpacks what is missing; apt checks each package against the archive's signed index.
 * Gives the PATH on which the programs are found, before the machine's own.
 */
export async function enginePath(progress: Progress): Promise<string> {
  const release = debianRelease();
  if (release === undefined) {
    throw new Error('no Docker engine answers, and only Debian has one to take: start Docker, and run this again');
  }
  const folder = join(kindCache(), `packages-${release}-${process.arch}`);
  const waiting = (pid: number) => progress(`waiting for process ${pid}, which fetches the Docker engine`);
  await withLock(folder, () => unpack(folder, progress), waiting);
  return [`${folder}/usr/sbin`, `${folder}/usr/bin`, searchPath()].join(':');
}

async function unpack(folder: string, progress: Progress): Promise<void> {
  if (existsSync(folder)) return;
  progress(`fetching Debian packages: ${PACKAGES.join(', ')}`);
  const partial = `${folder}.partial`;
  const archives = join(partial, 'archives');
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(archives, { recursive: true });
  const download = ['apt-get', '-o', 'APT::Sandbox::User=root', 'download', ...PACKAGES];
  if ((await run(download, { cwd: archives })).code !== 0) {
    await runOrThrow(['apt-get', 'update']); // the lists of a fresh machine may be missing or old
    await runOrThrow(download, { cwd: archives });
  }
  await runOrThrow(['sh', '-c', 'for deb in archives/*.deb; do dpkg-deb --extract "$deb" . || exit; done'], {
    cwd: partial,
  });
  rmSync(archives, { recursive: true });
  const { stdout } = await run(['ldd', join(partial, 'usr/sbin/dockerd')]);
  const missing = stdout.split('\n').filter((line) => line.includes('not found'));
  if (missing.length > 0) throw new Error(`the Docker engine needs libraries that are not installed:${missing.join()}`);
  renameSync(partial, folder);
}
