// One cluster among several on this machine: what everything of it is called, derived from its name alone.
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Names and folders of one instance. Two instances share none of them. */
export interface Instance {
  readonly name: string;
  /** State folder: processes, logs, keys, and the disks of the nodes. */
  readonly folder: string;
  /** Path of its cgroup below the root of each hierarchy, without a leading slash. */
  readonly cgroup: string;
  /** Names of its network namespaces start with this. */
  readonly prefix: string;
}

export const STATE_PREFIX = 'macvlan-operator-';

/** The names of an instance; throws when the name cannot be part of a file name and a namespace name. */
export function instanceFor(name: string): Instance {
  if (!/^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$/.test(name) || name.startsWith('api-')) {
    throw new Error(`"${name}" cannot name a cluster: up to 24 of a-z, 0-9 and "-", not at the ends, not "api-…"`);
  }
  return {
    name,
    folder: join(tmpdir(), `${STATE_PREFIX}${name}`),
    cgroup: `${STATE_PREFIX}${name}`,
    prefix: `${name}-`,
  };
}
