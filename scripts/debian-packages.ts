// Debian packages unpacked into the cache and not installed, for any architecture: nothing of the machine's own apt and dpkg changes.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from './architectures.ts';
import { cacheFolder, kept } from './cache.ts';

/** Runs apt-get, or apt-cache, with these words, in the folder given; gives what it printed. Throws when it fails. */
export type Apt = (program: 'apt-get' | 'apt-cache', words: readonly string[], folder?: string) => string;

/**
 * Folder with the newest packages of that architecture, as apt has checked them; root is not needed. Without network those that were
 * newest the last time. Throws with apt's own words when there are none.
 * @param names which packages (without what they depend on), or how to find out
 */
export function debianPackages(
  architecture: Architecture,
  names: readonly string[] | ((apt: Apt) => readonly string[]),
): string {
  const apt = prepareApt(architecture);
  apt('apt-get', ['update', '--quiet=2']); // a mirror that cannot be reached is no error as long as there are older lists
  const wanted = typeof names === 'function' ? names(apt) : names;
  const newest = apt('apt-get', ['download', '--print-uris', '--quiet=2', ...wanted]);
  const digest = createHash('sha256').update(packagesIn(newest)).digest('hex').slice(0, 12);
  const folder = join(cacheFolder(), 'debian', `${architecture.name}-${digest}`);
  return kept(folder, (empty) => unpack(apt, wanted, empty));
}

/** Names, versions and digests, without the mirror that they come from today. */
function packagesIn(uris: string): string {
  return uris
    .trim()
    .split('\n')
    .map((line) => line.slice(line.lastIndexOf("'") + 2))
    .sort()
    .join('\n');
}

/** An apt of its own: for the other architecture, with lists of its own, on which no package is installed. */
function prepareApt({ name }: Architecture): Apt {
  const state = join(cacheFolder(), 'debian', `apt-${name}`);
  for (const folder of ['lists/partial', 'archives/partial']) mkdirSync(join(state, folder), { recursive: true });
  writeFileSync(join(state, 'status'), '');
  const settings = [
    `APT::Architecture=${name}`,
    `APT::Architectures=${name}`,
    // The user for downloads may not be able to read the cache.
    'APT::Sandbox::User=root',
    `Dir::State=${state}`,
    `Dir::State::lists=${join(state, 'lists')}`,
    `Dir::State::status=${join(state, 'status')}`,
    `Dir::Cache=${state}`,
    'Acquire::Languages=none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
  ];
  const options = settings.flatMap((setting) => ['-o', setting]);
  // One at a time: apt does not wait for another that works on the same lists.
  return (program, words, cwd = state) =>
    execFileSync('flock', [join(state, 'queue'), program, ...options, ...words], {
      cwd,
      encoding: 'utf8',
      stdio: 'pipe',
    });
}

function unpack(apt: Apt, names: readonly string[], folder: string): void {
  const archives = join(folder, 'archives');
  mkdirSync(archives);
  apt('apt-get', ['download', '--quiet=2', ...names], archives);
  // Releases since 13 have everything below /usr and leave these links to another package.
  mkdirSync(join(folder, 'usr/lib'), { recursive: true });
  symlinkSync('usr/lib', join(folder, 'lib'));
  symlinkSync('usr/lib', join(folder, 'lib64'));
  for (const archive of readdirSync(archives)) extract(join(archives, archive), folder);
  rmSync(archives, { recursive: true });
}

/** As `dpkg-deb --extract`, which would put folders in place of the links. */
function extract(archive: string, folder: string): void {
  const files = execFileSync('dpkg-deb', ['--fsys-tarfile', archive], { maxBuffer: 1024 ** 3 });
  execFileSync('tar', ['-x', '--keep-directory-symlink', '--no-same-owner', '-C', folder], { input: files });
}

/** What a program wrote before it failed, or the error's own message. */
export function saidBy(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  return (stderr || message || String(error)).trim();
}
