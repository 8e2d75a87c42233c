// Which pods have a cgroup on the node. A kubelet makes it before anything else of a pod and takes it away when containers and network
// are down, never to make it again: as long as there is one, something of the pod runs, or may be started.
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CgroupsPort } from '../ports.ts';

/** So deep the agent looks for its own cgroup: kubelets may be told to keep all of them somewhere else. */
const DEPTH = 7;
/** `pod<uid>`, or with systemd `kubepods-burstable-pod<uid>.slice` with underscores. */
const POD = /(?:^|-)pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?:\.slice)?$/;
/** The folder of all pods; systemd puts the folders above it into its name. */
const ROOT = /(?:^|-)kubepods(?:\.slice)?$/;
/** Folders that hold pods, one for each class of service but the first. */
const HOLDS_PODS = /^(?:burstable|besteffort)$|(?:^|-)kubepods(?:-burstable|-besteffort)?(?:\.slice)?$/;

export class PodCgroups implements CgroupsPort {
  readonly #folder: string;
  readonly #own: string;
  #root: string | undefined;

  /**
   * @param folder where the node's /sys/fs/cgroup is seen from here
   * @param ownUid uid of the agent's own pod: by it, the place is found, and each look proved to be one at this node's pods
   */
  constructor(folder: string, ownUid: string) {
    this.#folder = folder;
    this.#own = ownUid;
  }

  async read(): Promise<ReadonlySet<string> | undefined> {
    if (this.#own === '') return undefined;
    // A folder that cannot be read may hold pods: then nothing is known of any.
    return this.#look().catch(() => undefined);
  }

  async #look(): Promise<ReadonlySet<string> | undefined> {
    this.#root ??= await this.#find();
    if (this.#root === undefined) return undefined;
    const uids = new Set(await uidsBelow(this.#root));
    if (uids.has(this.#own)) return uids;
    this.#root = undefined;
    return undefined;
  }

  /** The folder `kubepods` above the agent's own pod; breadth first, since it is never far down. */
  async #find(): Promise<string | undefined> {
    let level = [this.#folder];
    for (let depth = 0; depth < DEPTH && level.length > 0; depth++) {
      const next: string[] = [];
      for (const folder of level) {
        for (const name of await foldersIn(folder)) {
          const path = join(folder, name);
          if (ROOT.test(name) && (await uidsBelow(path)).includes(this.#own)) return path;
          next.push(path);
        }
      }
      level = next;
    }
    return undefined;
  }
}

/** Pods stand beside or below the classes of service. A folder that vanishes while it is looked at has no pods any more. */
async function uidsBelow(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await foldersIn(folder)) {
    const uid = POD.exec(name)?.[1];
    if (uid !== undefined) found.push(uid.replaceAll('_', '-'));
    else if (HOLDS_PODS.test(name)) found.push(...(await uidsBelow(join(folder, name))));
  }
  return found;
}

/** Rejects when it is there and cannot be read, as without descriptors or memory. */
async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException): Dirent[] => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
