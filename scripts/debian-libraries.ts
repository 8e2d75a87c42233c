// The C and C++ libraries of an architecture that is not the machine's, from Debian's own packages of it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Architecture, isMachines } from './architectures.ts';
import { cacheFolder, kept } from './cache.ts';

/** What Node needs. Those that come with the cross compiler (libc6-arm64-cross …) will not do: they get no security updates. */
const PACKAGES = ['libc6', 'libgcc-s1', 'libstdc++6'];

/**
 * Folder below which the libraries are at their paths: `/` for this machine's architecture. For others Debian's newest
 * packages, as apt has checked them; nothing of the machine's own apt and dpkg is changed, and root is not needed. Without network
 * those that were newest the last time. Throws with a remedy when there are none.
 */
export function libraryRoot(architecture: Architecture): string {
  if (isMachines(architecture)) return '/';
  const apt = prepareApt(architecture);
  try {
    apt(['update', '--quiet=2']); // a mirror that cannot be reached is no error as long as there are older lists
    const newest = apt(['download', '--print-uris', '--quiet=2', ...PACKAGES]);
    const digest = createHash('sha256').update(packagesIn(newest)).digest('hex').slice(0, 12);
    return kept(join(cacheFolder(), 'libraries', `${architecture.name}-${digest}`), (folder) => unpack(apt, folder));
  } catch (error) {
    throw new Error(
      `no libraries for ${architecture.name} (${PACKAGES.join(', ')} of Debian, by apt): reach Debian's mirrors, or build the image on ` +
        `a machine of that architecture or with docker buildx: ${said(error)}`,
      { cause: error },
    );
  }
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

type Apt = (args: readonly string[], cwd?: string) => string;

/** An apt of its own: for the other architecture, with lists of its own, on which no package is installed. */
function prepareApt({ name }: Architecture): Apt {
  const state = join(cacheFolder(), 'libraries', `apt-${name}`);
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
  const words = [join(state, 'queue'), 'apt-get', ...options];
  return (args, cwd = state) => execFileSync('flock', [...words, ...args], { cwd, encoding: 'utf8', stdio: 'pipe' });
}

function unpack(apt: Apt, folder: string): void {
  const archives = join(folder, 'archives');
  mkdirSync(archives);
  apt(['download', '--quiet=2', ...PACKAGES], archives);
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
function said(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  return (stderr || message || String(error)).trim();
}
