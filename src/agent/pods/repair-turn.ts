// In which order links are made again in one turn: what the kernel alone decides first, then those that wait for a DHCP server.
import { inParallel } from '../../kernel/queue/in-parallel.ts';

/** So many links that wait for a DHCP server are made again at a time. */
const LEASES_AT_A_TIME = 8;

export interface Due {
  readonly attachment: string;
  /** The pod's network namespace: in one, one link is made at a time, under one name. */
  readonly netns: string;
  /** Its address is a DHCP server's to give, which may take its time. */
  readonly waits: boolean;
  /** When it was tried last; the clock's. */
  readonly triedAt?: number | undefined;
}

/**
 * Tries each, or leaves some for the next turn: once one has waited for a server in vain, the others on its attachment would only keep
 * everybody waiting. Those that were left out longest come first.
 */
export async function inTurn<T extends Due>(
  due: readonly T[],
  mend: (one: T) => Promise<'Mended' | 'Refused'>,
): Promise<void> {
  await inParallel(
    due.filter(({ waits }) => !waits),
    1,
    async (one) => void (await mend(one)),
  );
  const silent = new Set<string>();
  const leases = due.filter(({ waits }) => waits).toSorted((a, b) => (a.triedAt ?? -1) - (b.triedAt ?? -1));
  await inParallel([...Map.groupBy(leases, ({ netns }) => netns).values()], LEASES_AT_A_TIME, async (ofPod) => {
    for (const one of ofPod) {
      if (!silent.has(one.attachment) && (await mend(one)) === 'Refused') silent.add(one.attachment);
    }
  });
}
