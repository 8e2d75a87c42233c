// Notices that a socket's file is not the one any more that was bound: then nobody reaches who listens on it, for ever.
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { type Clock, sleep } from '../kernel/process/clock.ts';
import { background, type Part } from '../kernel/process/lifecycle.ts';

/** So often it is looked at. In milliseconds. */
const LOOK_MS = 1000;

/**
 * A part to start right after the one that has bound `path`. It fails when something takes the file away or puts another in its place:
 * a cleanup of /run, or a predecessor that ends late and removes what it takes for its own.
 */
export function staysBound(path: string, clock: Clock): Part {
  return background({
    name: `socket ${basename(path)}`,
    run: async (signal) => {
      const bound = fileAt(path);
      while (!signal.aborted) {
        if (bound === undefined || fileAt(path) !== bound) throw new Error(`${path} is not our socket any more`);
        await sleep(clock, LOOK_MS, signal);
      }
    },
  });
}

/** Which file it is; nothing when there is none. */
function fileAt(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev} ${found.ino}`;
}
