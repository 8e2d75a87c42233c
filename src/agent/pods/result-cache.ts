// Multus' result cache on the node, seen through a read-only mount: one file per pod and link, gone with the link's DEL.
import { type CachedLink, keyOfLink, parseCachedLink } from '../../domain/pod/cached-link.ts';
import { decodeBase64 } from '../../kernel/process/base64.ts';
import { ParsedFolder } from '../../kernel/process/parsed-folder.ts';

export class ResultCache {
  readonly #files: ParsedFolder<CachedLink>;

  /** @param folder without it nothing was ever attached on this node, or Multus keeps its state elsewhere */
  constructor(folder: string) {
    this.#files = new ParsedFolder(folder, (text) => parseCachedLink(text, decodeBase64));
  }

  /** The links on these attachments, by pod and interface. Of several files for one link the youngest counts. */
  async read(attachments: ReadonlySet<string>): Promise<ReadonlyMap<string, CachedLink>> {
    const files = await this.#files.read((name) => isOfOne(name, attachments));
    const links = new Map<string, CachedLink>();
    for (const { value: link } of [...files].sort((a, b) => a.changedMs - b.changedMs)) {
      if (link !== undefined && attachments.has(link.attachment)) links.set(keyOfLink(link), link);
    }
    return links;
  }
}

/** `lan-<container>-net1`: a name may hold hyphens, so that this only sorts out most of the others. */
function isOfOne(file: string, attachments: ReadonlySet<string>): boolean {
  for (let at = file.indexOf('-'); at > 0; at = file.indexOf('-', at + 1)) {
    if (attachments.has(file.slice(0, at))) return true;
  }
  return false;
}
