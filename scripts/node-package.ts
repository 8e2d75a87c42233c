// The Node that ships, with its headers: an npm package per architecture, of which npm installs the machine's own.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Architecture, isMachines } from './architectures.ts';
import { cacheFolder, kept } from './cache.ts';

const root = join(import.meta.dirname, '..');

/** An entry of package-lock.json. */
interface Locked {
  readonly version: string;
  /** `sha512-` and the digest of the package's archive in base64. */
  readonly integrity: string;
}

/**
 * Folder with bin/node and include/node, at the version that the lockfile pins: in node_modules for this machine's
 * architecture, in the cache for others, fetched by npm once and held to the lockfile's digest.
 */
export function nodePackage(architecture: Architecture): string {
  const name = `node-linux-${architecture.node}`;
  if (isMachines(architecture)) {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  }
  const locked = lockedVersion(name);
  const digest = createHash('sha256').update(locked.integrity).digest('hex').slice(0, 12);
  return kept(join(cacheFolder(), 'node', `${name}-${locked.version}-${digest}`), (folder) =>
    fetchPackage(name, locked, folder),
  );
}

function lockedVersion(name: string): Locked {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Locked | undefined>>;
  };
  const locked = lock.packages[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`package-lock.json pins no ${name}`);
  return locked;
}

function fetchPackage(name: string, locked: Locked, folder: string): void {
  // `pack`, because `install` refuses packages of other architectures. From the project's folder, for its .npmrc.
  const command = ['pack', `${name}@${locked.version}`, '--pack-destination', folder, '--prefer-offline', '--silent'];
  execFileSync('npm', command, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  const archive = readdirSync(folder).find((file) => file.endsWith('.tgz'));
  if (archive === undefined) throw new Error(`npm pack ${name}@${locked.version} left no archive`);
  unpackChecked(join(folder, archive), locked.integrity, folder);
}

/** Unpacks an npm package and removes its archive. Throws, with nothing unpacked, when the archive is not the one expected. */
export function unpackChecked(archive: string, integrity: string, folder: string): void {
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (found !== integrity) throw new Error(`${archive} is not what package-lock.json pins: ${found}, not ${integrity}`);
  execFileSync('tar', ['-xzf', archive, '-C', folder, '--strip-components=1', '--no-same-owner']);
  rmSync(archive);
}
