// The image for an architecture, built as `make image ARCH=…` does it and laid out in a folder for tests to look into.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Architecture } from '../../../scripts/architectures.ts';
import { type BuiltImage, buildImageFor } from '../../../scripts/image.ts';
import { runOrThrow } from '../../support/run.ts';

export interface ImageConfig {
  readonly architecture: string;
  readonly config: { readonly User: string };
}

export interface Unpacked {
  readonly architecture: Architecture;
  readonly image: BuiltImage;
  /** sha256 of the archive, in hex. */
  readonly digest: string;
  /** What the image says about itself. */
  readonly config: ImageConfig;
  /** Folder with the image's root file system. */
  readonly root: string;
  /** Regular files, as paths from the root without a leading slash. */
  readonly files: readonly string[];
  remove(): void;
}

/** The configuration of the image in an archive: the name of its file, which ends in .json, and what is in it. */
export async function readConfig(archive: string): Promise<{ readonly file: string; readonly config: ImageConfig }> {
  const read = async (name: string) => JSON.parse(await runOrThrow(['tar', '-xOf', archive, name])) as unknown;
  const [{ Config: file }] = (await read('manifest.json')) as [{ Config: string }];
  return { file, config: (await read(file)) as ImageConfig };
}

export async function unpackImage(architecture: Architecture): Promise<Unpacked> {
  const image = await buildImageFor(architecture);
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-image-test-'));
  const root = join(folder, 'root');
  mkdirSync(root);
  const { archive } = image;
  const { config } = await readConfig(archive);
  await runOrThrow(['tar', '-xf', archive, '-C', folder, 'layer.tar']);
  await runOrThrow(['tar', '-xf', join(folder, 'layer.tar'), '-C', root]);
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  const digest = createHash('sha256').update(readFileSync(archive)).digest('hex');
  return {
    architecture,
    image,
    digest,
    config,
    root,
    files,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
