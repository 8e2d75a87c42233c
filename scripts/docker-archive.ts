// Packs a folder as a container image that `docker load` and `ctr images import` take, with no container engine at hand.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, createReadStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ARCHITECTURES } from './architectures.ts';

/** An image of one layer. Everything that is not given stays out of the image's configuration. */
export interface DockerArchive {
  /** Folder that becomes the image's root file system. */
  readonly root: string;
  /** Full reference with tag, such as localhost/macvlan-operator:0.1.0; also a registry part, or containerd adds docker.io. */
  readonly reference: string;
  readonly entrypoint: readonly string[];
  /** `NAME=value`; PATH is set unless given. */
  readonly env?: readonly string[];
  /** `uid` or `uid:gid`; default: root. */
  readonly user?: string;
  /** Architecture in Go's words; default: this machine's. */
  readonly architecture?: string;
  /** Path of the archive to write. */
  readonly out: string;
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The machine's architecture in the words that images use (amd64, arm64). */
export function imageArchitecture(arch: string = process.arch): string {
  return ARCHITECTURES.find(({ node }) => node === arch)?.name ?? arch;
}

/**
 * Writes the archive. The same folder gives the same bytes: names sorted, times 0, owner root, and modes that depend on the
 * executable bit alone (never on the umask of whoever built it). Needs GNU tar.
 */
export async function writeDockerArchive(image: DockerArchive): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'macvlan-image-'));
  try {
    const layer = join(work, 'layer.tar');
    packTar(image.root, layer, ['.']);
    const config = configFor(image, await sha256Of(layer));
    const configName = `${createHash('sha256').update(config).digest('hex')}.json`;
    writeFileSync(join(work, configName), config);
    const manifest = [{ Config: configName, RepoTags: [image.reference], Layers: ['layer.tar'] }];
    writeFileSync(join(work, 'manifest.json'), JSON.stringify(manifest));
    packTar(work, join(work, 'image.tar'), ['manifest.json', configName, 'layer.tar']);
    mkdirSync(dirname(image.out), { recursive: true });
    copyFileSync(join(work, 'image.tar'), image.out);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The image's configuration as JSON text, keys in a fixed order, since its digest is the image's id. */
function configFor(image: DockerArchive, layerDigest: string): string {
  const env = image.env ?? [];
  return JSON.stringify({
    architecture: image.architecture ?? imageArchitecture(),
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      ...(image.user === undefined ? {} : { User: image.user }),
      Env: env.some((entry) => entry.startsWith('PATH=')) ? env : [PATH, ...env],
      Entrypoint: image.entrypoint,
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layerDigest}`] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'scripts/docker-archive.ts' }],
  });
}

/** Packs what `names` has of the folder, so that the same files give the same bytes. */
export function packTar(folder: string, out: string, names: readonly string[]): void {
  const steady = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu'];
  execFileSync('tar', ['-C', folder, ...steady, '--mode=u=rwX,go=rX', '-cf', out, ...names]);
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}
