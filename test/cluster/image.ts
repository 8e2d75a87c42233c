// Images of one static program, for sandboxes and test pods: packed and imported without a container engine or a registry.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { writeDockerArchive } from '../../scripts/docker-archive.ts';
import type { Cluster } from './provider.ts';

export interface ProgramImage {
  /** Path of a static program; it is at the root of the image, under its own name. */
  readonly program: string;
  /** Full reference with tag: localhost/NAME:TAG. */
  readonly reference: string;
  /** Arguments after the program. Default: none. */
  readonly args?: readonly string[];
}

/** Puts the image on every node. Pods name it with `imagePullPolicy: Never`. */
export async function loadProgramImage(cluster: Pick<Cluster, 'loadImage'>, image: ProgramImage): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-program-'));
  try {
    const root = join(folder, 'root');
    const name = basename(image.program);
    mkdirSync(root);
    cpSync(image.program, join(root, name));
    const out = join(folder, 'image.tar');
    const entrypoint = [`/${name}`, ...(image.args ?? [])];
    await writeDockerArchive({ root, reference: image.reference, entrypoint, out });
    await cluster.loadImage(out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
