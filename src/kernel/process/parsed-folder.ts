// A folder of small files that somebody else writes: each is read and parsed when it is new or was written again, and remembered.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface ParsedFile<T> {
  /** Nothing where the file makes no sense; it is not looked at again before it changes. */
  readonly value: T | undefined;
  /** When it was written, in milliseconds since 1970. */
  readonly changedMs: number;
}

interface Known<T> extends ParsedFile<T> {
  /** Which version of the file was read. */
  readonly version: string;
}

export class ParsedFolder<T> {
  readonly #folder: string;
  readonly #parse: (text: string) => T | undefined;
  #known: ReadonlyMap<string, Known<T>> = new Map();

  /** @param parse may not throw */
  constructor(folder: string, parse: (text: string) => T | undefined) {
    this.#folder = folder;
    this.#parse = parse;
  }

  /**
   * The files as they are now. What is not there is empty or gone; what cannot be read at the moment (no descriptor is left, say)
   * is as it was: that is no news of anybody's end.
   * @param isWanted by name; others are not opened
   */
  async read(isWanted: (name: string) => boolean = () => true): Promise<readonly ParsedFile<T>[]> {
    const known = new Map<string, Known<T>>();
    for (const name of await this.#names()) {
      if (!isWanted(name)) continue;
      const entry = await this.#look(name);
      if (entry !== undefined) known.set(name, entry);
    }
    this.#known = known;
    return [...known.values()];
  }

  async #names(): Promise<Iterable<string>> {
    try {
      return await readdir(this.#folder);
    } catch (error) {
      return isNotThere(error) ? [] : this.#known.keys();
    }
  }

  async #look(name: string): Promise<Known<T> | undefined> {
    const path = join(this.#folder, name);
    const before = this.#known.get(name);
    try {
      const { ino, size, mtimeMs } = await stat(path);
      const version = `${ino} ${size} ${mtimeMs}`;
      if (before?.version === version) return before;
      return { version, changedMs: mtimeMs, value: this.#parse(await readFile(path, 'utf8')) };
    } catch (error) {
      return isNotThere(error) ? undefined : before;
    }
  }
}

function isNotThere(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ENOENT';
}
