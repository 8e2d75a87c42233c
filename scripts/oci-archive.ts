// Puts the images of several architectures behind one reference: an OCI image layout with an index, as a tar file.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { packTar } from './docker-archive.ts';

export interface OciArchive {
  /** Paths of docker archives of one layer each (docker-archive.ts), of different architectures. */
  readonly archives: readonly string[];
  /** Full reference with tag. */
  readonly reference: string;
  /** Path of the archive to write. */
  readonly out: string;
}

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/**
 * Writes the archive; registries and `ctr images import --all-platforms` take it. Images keep their ids, which are the digests
 * of their configurations; layers are compressed, since they are what nodes pull. The same archives give the same bytes.
 */
export function writeOciArchive({ archives, reference, out }: OciArchive): void {
  const work = mkdtempSync(join(tmpdir(), 'macvlan-oci-'));
  try {
    const layout = join(work, 'layout');
    mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
    const index = json(INDEX, { manifests: archives.map((archive) => addImage(layout, archive)) });
    const named = {
      'io.containerd.image.name': reference,
      'org.opencontainers.image.ref.name': reference.slice(reference.lastIndexOf(':') + 1),
    };
    // One entry, the index of the image: with the images themselves here they would be as many references.
    const entry = { ...addBlob(layout, INDEX, index), annotations: named };
    writeFileSync(join(layout, 'index.json'), json(INDEX, { manifests: [entry] }));
    writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    const packed = join(work, 'image.tar');
    packTar(layout, packed, ['oci-layout', 'index.json', 'blobs']);
    mkdirSync(dirname(out), { recursive: true });
    copyFileSync(packed, out);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Adds configuration, layer and manifest of one image. Gives the manifest's entry for the index. */
function addImage(layout: string, archive: string) {
  const read = (name: string) => execFileSync('tar', ['-xOf', archive, name], { maxBuffer: 1024 ** 3 });
  const [image] = JSON.parse(read('manifest.json').toString()) as [{ Config: string; Layers: [string] }];
  const config = read(image.Config);
  const { architecture, os } = JSON.parse(config.toString()) as { architecture: string; os: string };
  const manifest = json(MANIFEST, {
    config: addBlob(layout, CONFIG, config),
    layers: [addBlob(layout, LAYER, gzipSync(read(image.Layers[0])))],
  });
  return { ...addBlob(layout, MANIFEST, manifest), platform: { architecture, os } };
}

function addBlob(layout: string, mediaType: string, content: Buffer): Descriptor {
  const digest = createHash('sha256').update(content).digest('hex');
  writeFileSync(join(layout, 'blobs/sha256', digest), content);
  return { mediaType, digest: `sha256:${digest}`, size: content.length };
}

function json(mediaType: string, content: object): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }));
}
