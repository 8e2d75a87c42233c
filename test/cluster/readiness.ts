// The last step of a start: what is brought in through the API, and the wait until a first pod can be made.
import { setTimeout as sleep } from 'node:timers/promises';
import { loadProgramImage } from './image.ts';
import { multusRights, networkAttachmentDefinitionCrd } from './manifests.ts';
import type { Cluster } from './provider.ts';

export interface Needs {
  readonly nadCrd: 'Installed' | 'None';
  /** Reference under which the nodes' containerd looks for the image of sandboxes; undefined: it has it already. */
  readonly sandboxImage?: string;
}

/** What needs the API: kinds, rights, the image of sandboxes; then waits until all is ready for a first pod. */
export async function makeReady(cluster: Cluster, { nadCrd, sandboxImage }: Needs): Promise<void> {
  const apply = async (text: string) => {
    const applied = await cluster.kubectl(['apply', '--server-side', '-f', '-'], { input: text });
    if (applied.code !== 0) throw new Error(applied.stderr);
  };
  await Promise.all([
    apply(JSON.stringify(multusRights())),
    nadCrd === 'None' ? undefined : apply(networkAttachmentDefinitionCrd()),
    sandboxImage === undefined
      ? undefined
      : loadProgramImage(cluster, { program: cluster.toolbox, reference: sandboxImage, args: ['pause'] }),
  ]);
  for (const one of cluster.nodes) await until(`node ${one.name}`, () => cluster.kubectl(['get', 'node', one.name]));
  const ready = ['wait', '--for=condition=Ready', 'node', '--all', '--timeout=60s'];
  const waited = await cluster.kubectl(ready);
  if (waited.code !== 0) throw new Error(`${waited.stderr}; see the logs in ${cluster.stateDir}/log`);
  await until('service account', () => cluster.kubectl(['get', 'serviceaccount', 'default']));
}

async function until(what: string, look: () => Promise<{ code: number; stderr: string }>): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const { code, stderr } = await look();
    if (code === 0) return;
    if (performance.now() > deadline) throw new Error(`${what} did not appear: ${stderr.trim()}`);
    await sleep(200);
  }
}
