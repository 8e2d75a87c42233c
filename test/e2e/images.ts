// The two images of the story: the operator's, put together from dist/, and the test program's.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDockerArchive } from '../../scripts/docker-archive.ts';
import { type BuiltImage, buildOperatorImage } from '../../scripts/image.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { TOOLBOX_IMAGE } from './pods.ts';

/** Builds both images, loads them into every node, and gives the operator's. */
export async function loadStoryImages(cluster: Cluster): Promise<BuiltImage> {
  const operator = await buildOperatorImage();
  await cluster.loadImage(operator.archive);
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-operator-images-'));
  try {
    const root = join(folder, 'root');
    mkdirSync(root);
    copyFileSync(cluster.toolbox, join(root, 'toolbox'));
    const archive = join(folder, 'toolbox.tar');
    await writeDockerArchive({ root, reference: TOOLBOX_IMAGE, entrypoint: ['/toolbox'], out: archive });
    await cluster.loadImage(archive);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return operator;
}
