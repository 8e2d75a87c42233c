// `make image`: the one image for controller, agent and DHCP daemon, put together without a container engine. ARCH=arm64 or
// ARCH=amd64,arm64: for those architectures, whatever this machine is.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { argv, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { buildTools } from '../test/cluster/binaries.ts';
import { printProgress } from '../test/cluster/progress.ts';
import { cniPlugins, dhcpPluginFor } from '../test/cluster/tools.ts';
import { type Architecture, isMachines, machineArchitecture, parseArchitectures } from './architectures.ts';
import { projectVersion } from './build.ts';
import { writeDockerArchive } from './docker-archive.ts';
import { fillRoot, USER } from './image-root.ts';
import { writeOciArchive } from './oci-archive.ts';

const root = join(import.meta.dirname, '..');

/** The image that was built. */
export interface BuiltImage {
  /** `localhost/macvlan-operator:<version>`; a name with a registry part, so that no engine adds one of its own. */
  readonly reference: string;
  readonly repository: string;
  readonly tag: string;
  /** Path of the docker archive. */
  readonly archive: string;
  /** Size of the archive in bytes. */
  readonly bytes: number;
}

const REPOSITORY = 'localhost/macvlan-operator';

/** Builds what ships for this machine, and packs it with the project's own Node into dist/image.tar. */
export function buildOperatorImage(): Promise<BuiltImage> {
  return buildImage(machineArchitecture(), 'dist/image.tar');
}

/** The same for any architecture, into dist/image-ARCH.tar. Throws, with a remedy, when something for it cannot be had. */
export function buildImageFor(architecture: Architecture): Promise<BuiltImage> {
  return buildImage(architecture, `dist/image-${architecture.name}.tar`);
}

async function buildImage(architecture: Architecture, path: string): Promise<BuiltImage> {
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-operator-root-'));
  try {
    await fillRoot(folder, architecture, await dhcpProgram(architecture));
    const tag = projectVersion();
    const reference = `${REPOSITORY}:${tag}`;
    const archive = join(root, path);
    await writeDockerArchive({
      root: folder,
      reference,
      entrypoint: ['/usr/local/bin/node'],
      user: USER,
      architecture: architecture.name,
      out: archive,
    });
    return { reference, repository: REPOSITORY, tag, archive, bytes: statSync(archive).size };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The very binary that the tests run, or one of another architecture from the same Go module. */
async function dhcpProgram(architecture: Architecture): Promise<string> {
  const tool = isMachines(architecture) ? cniPlugins : dhcpPluginFor(architecture.name);
  const { dhcp = '' } = await buildTools([tool], printProgress());
  return dhcp;
}

/** Builds with the Dockerfile where a Docker engine answers; without network to the base images, loads our own archive. */
function offerToDocker({ reference, archive }: BuiltImage): string {
  const docker = (...args: string[]) =>
    execFileSync('docker', args, {
      cwd: root,
      // Older engines have the builder that the Dockerfile is written for, and do not use it by themselves.
      env: { ...process.env, DOCKER_BUILDKIT: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
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

/** What to do with the archive; nodes that pull need a reference of their own registry. */
function tellNext(path: string, reference: string, format: 'docker-archive' | 'oci-archive'): void {
  const target = `docker://REGISTRY/${reference.slice(reference.indexOf('/') + 1)}`;
  const all = format === 'oci-archive' ? '--all ' : '';
  stdout.write(`next, on each node:  ctr --namespace k8s.io images import ${basename(path)}\n`);
  stdout.write(`or, for all of them: skopeo copy ${all}${format}:${join('dist', basename(path))} ${target}\n`);
}

function tell(path: string, what: string): void {
  stdout.write(`dist/${basename(path)}: ${what}, ${(statSync(path).size / 1024 / 1024).toFixed(1)} MiB\n`);
}

/** `make image`. */
async function buildForThisMachine(): Promise<void> {
  const image = await buildOperatorImage();
  stdout.write(`${offerToDocker(image)}\n`);
  tell(image.archive, image.reference);
  tellNext(image.archive, image.reference, 'docker-archive');
}

/** `make image ARCH=…`: an archive for each, and one with all of them where there are several. */
async function buildForAll(architectures: readonly Architecture[]): Promise<void> {
  const images: BuiltImage[] = [];
  for (const architecture of architectures) {
    const image = await buildImageFor(architecture);
    tell(image.archive, `${image.reference} for ${architecture.name}`);
    images.push(image);
  }
  const [first, ...others] = images;
  if (first === undefined) return;
  if (others.length === 0) {
    tellNext(first.archive, first.reference, 'docker-archive');
    return;
  }
  const index = writeIndexOf(images, join(root, 'dist/image-oci.tar'));
  const names = architectures.map(({ name }) => name).join(' and ');
  tell(index, `${first.reference} for ${names}, an OCI image layout`);
  tellNext(index, first.reference, 'oci-archive');
}

/** One image of all of these, which have to be of different architectures, as an OCI image layout in a tar file; gives its path. */
export function writeIndexOf(images: readonly BuiltImage[], out: string): string {
  const [first] = images;
  if (first === undefined) throw new Error('no images to put together');
  writeOciArchive({ archives: images.map(({ archive }) => archive), reference: first.reference, out });
  return out;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const architectures = parseArchitectures(process.env['ARCH'] ?? '');
    await (architectures.length === 0 ? buildForThisMachine() : buildForAll(architectures));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
