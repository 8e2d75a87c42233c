// The root file system of the image: /usr/local/bin/node, /app, and what the two need to run. No shell, no tools.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv, stderr } from 'node:process';
import { fileURLToPath } from 'node:url';
import { type Architecture, isMachines, machineArchitecture, parseArchitectures } from './architectures.ts';
import { buildBundles } from './build.ts';
import { buildAddon } from './build-addon.ts';
import { libraryRoot } from './debian-libraries.ts';
import { librariesOf } from './elf.ts';
import { nodePackage } from './node-package.ts';

const dist = join(import.meta.dirname, '../dist');

/** The ordinary user of the controller; the agent's DaemonSet says that it runs as root. */
export const USER = '65532:65532';
const PASSWD = 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n';
const GROUP = 'root:x:0:\nnonroot:x:65532:\n';
const CA_BUNDLE = '/etc/ssl/certs/ca-certificates.crt';

/** Node, the processes and the addon: all that the Dockerfile takes, whose base image has the rest. Builds what is missing. */
export async function placePrograms(folder: string, architecture: Architecture): Promise<void> {
  const addon = buildAddon(architecture);
  for (const file of await buildBundles()) place(folder, `/app/${file}`, join(dist, file), 0o644);
  place(folder, '/app/netlink.node', addon, 0o644);
  place(folder, '/usr/local/bin/node', join(nodePackage(architecture), 'bin/node'), 0o755);
  strip(join(folder, 'usr/local/bin/node'), architecture);
}

/** The same layout as the Dockerfile makes, with `dhcp`, a program of that architecture. */
export async function fillRoot(folder: string, architecture: Architecture, dhcp: string): Promise<void> {
  await placePrograms(folder, architecture);
  place(folder, '/app/cni/dhcp', dhcp, 0o755);
  const root = libraryRoot(architecture);
  const programs = ['usr/local/bin/node', 'app/netlink.node', 'app/cni/dhcp'].map((path) => join(folder, path));
  for (const library of librariesOf(programs, architecture, root)) place(folder, library, join(root, library), 0o755);
  if (existsSync(CA_BUNDLE)) place(folder, CA_BUNDLE, CA_BUNDLE, 0o644);
  mkdirSync(join(folder, 'etc'), { recursive: true });
  writeFileSync(join(folder, 'etc/passwd'), PASSWD);
  writeFileSync(join(folder, 'etc/group'), GROUP);
  writeFileSync(join(folder, 'etc/nsswitch.conf'), 'hosts: files dns\n');
}

/** Symbols are a fifth of Node's size and of no use at run time; the ones that addons link against stay. */
function strip(path: string, architecture: Architecture): void {
  const program = isMachines(architecture) ? 'strip' : `${architecture.gnu}-strip`;
  try {
    execFileSync(program, ['--strip-unneeded', path], { stdio: 'ignore' });
  } catch {
    stderr.write(`${program} is missing (binutils): the image is larger than it has to be\n`);
  }
}

function place(folder: string, path: string, source: string, mode: number): void {
  const target = join(folder, path);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
  chmodSync(target, mode);
}

// For the Dockerfile: node scripts/image-root.ts FOLDER [ARCH]
if (argv[1] === fileURLToPath(import.meta.url)) {
  const [, , folder, name = ''] = argv;
  if (folder === undefined) throw new Error('usage: node scripts/image-root.ts FOLDER [ARCH]');
  await placePrograms(folder, parseArchitectures(name)[0] ?? machineArchitecture());
}
