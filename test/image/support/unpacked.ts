// The image for an architecture, built as `make image ARCH=…` does it and laid out in a folder for tests to look into.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Architecture } from '../../../scripts/architectures.ts';
import { type BuiltImage, buildImageFor } from '../../../scripts/image.ts';
import { runOrThrow } from '../../support/run.ts';

export interface Unpacked {
  readonly architecture: Architecture;
  readonly image: BuiltImage;
  /** sha256 of the archive, in hex. */
  readonly digest: string;
  /** What the image says about itself. */
  readonly config: { readonly architecture: string; readonly config: { readonly User: string } };
  /** Folder with the image's root file system. */
  readonly root: string;
  /** Regular files, as paths from the root without a leading slash. */
  readonly files: readonly string[];
  remove(): void;
}

export async function unpackImage(architecture: Architecture): Promise<Unpacked> {
  const image = await buildImageFor(architecture);
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-image-test-'));
  const root = join(folder, 'root');
  mkdirSync(root);
  const { archive } = image;
  const [{ Config }] = JSON.parse(await runOrThrow(['tar', '-xOf', archive, 'manifest.json'])) as [{ Config: string }];
  const config = JSON.parse(await runOrThrow(['tar', '-xOf', archive, Config])) as Unpacked['config'];
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
