// Multus' result cache on the node, seen through a read-only mount: one file per pod and link, gone with the link's DEL.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type CachedLink, keyOfLink, parseCachedLink } from '../../domain/pod/cached-link.ts';

interface Known {
  /** Which version of the file was read. */
  readonly version: string;
  readonly changedMs: number;
  readonly link: CachedLink | undefined;
}

/** Reads files when they are new or were written again, and remembers what was in them. */
export class ResultCache {
  readonly #folder: string;
  #known = new Map<string, Known>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The links on these attachments, by pod and interface. Of several files for one link the youngest counts. */
  async read(attachments: ReadonlySet<string>): Promise<ReadonlyMap<string, CachedLink>> {
    // Without the folder nothing was ever attached on this node, or Multus keeps its state elsewhere.
    const names = await readdir(this.#folder).catch((): string[] => []);
    const known = new Map<string, Known>();
    for (const name of names.filter((file) => isOfOne(file, attachments))) {
      const entry = await this.#look(name);
      if (entry !== undefined) known.set(name, entry);
    }
    this.#known = known;
    const links = new Map<string, CachedLink>();
    for (const { link } of [...known.values()].sort((a, b) => a.changedMs - b.changedMs)) {
      if (link !== undefined && attachments.has(link.attachment)) links.set(keyOfLink(link), link);
    }
    return links;
  }

  /** A file that goes or is half written while it is looked at is looked at again the next time. */
  async #look(name: string): Promise<Known | undefined> {
    const path = join(this.#folder, name);
    try {
      const { ino, size, mtimeMs } = await stat(path);
      const version = `${ino} ${size} ${mtimeMs}`;
      const known = this.#known.get(name);
      if (known?.version === version) return known;
      const link = parseCachedLink(await readFile(path, 'utf8'), decodeBase64);
      return { version, changedMs: mtimeMs, link };
    } catch {
      return undefined;
    }
  }
}

/** `lan-<container>-net1`: a name may hold hyphens, so that this only sorts out most of the others. */
function isOfOne(file: string, attachments: ReadonlySet<string>): boolean {
  for (let at = file.indexOf('-'); at > 0; at = file.indexOf('-', at + 1)) {
    if (attachments.has(file.slice(0, at))) return true;
  }
  return false;
}

function decodeBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}
