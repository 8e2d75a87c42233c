// Which CNI plugin binaries the node has, seen through the read-only mount of its CNI directory.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { PluginsPort } from './ports.ts';

/** Plugins as files in one directory. */
export class PluginDirectory implements PluginsPort {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async missing(wanted: readonly string[]): Promise<readonly string[]> {
    const found = await Promise.all(wanted.map((name) => isExecutable(join(this.#path, name))));
    return wanted.filter((_, i) => found[i] === false);
  }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
