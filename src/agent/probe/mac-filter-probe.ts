// One MAC-filter probe: the same question from the NIC and from a link with a MAC address of its own, several times.
import { setTimeout as pause } from 'node:timers/promises';
import {
  judgeAnswers,
  PROBE_TRIES,
  PROBE_TRY_MS,
  type ProbeFinding,
  type ProbeWish,
} from '../../domain/parent/mac-filter.ts';
import type { Addon } from '../netlink/addon.ts';
import type { LinkSettings } from '../netlink/link-settings.ts';
import type { ProbePort } from '../ports.ts';
import { ArpSocket } from './arp-socket.ts';
import { ProbeLinks } from './probe-links.ts';

/** Asks on the real LAN. */
export class MacFilterProbe implements ProbePort {
  readonly #addon: Addon;
  readonly #links: ProbeLinks;

  constructor(addon: Addon, settings: LinkSettings) {
    this.#addon = addon;
    this.#links = new ProbeLinks(addon, settings);
  }

  async ask(wish: ProbeWish, signal: AbortSignal): Promise<ProbeFinding['verdict']> {
    // Before anything is made: without CAP_NET_RAW there is nothing to be found out.
    const parent = new ArpSocket(this.#addon, { ifindex: wish.parent, mac: wish.mac, target: wish.gateway });
    try {
      const ifindex = await this.#links.make(wish);
      try {
        return await this.#compare(parent, { ifindex, mac: wish.probeMac, target: wish.gateway }, signal);
      } finally {
        await this.#links.remove(wish.name);
      }
    } finally {
      await parent.close();
    }
  }

  clean(nodeUid: string): Promise<readonly string[]> {
    return this.#links.removeLeftovers(nodeUid);
  }

  close(): Promise<void> {
    return this.#links.close();
  }

  async #compare(
    parent: ArpSocket,
    question: ConstructorParameters<typeof ArpSocket>[1],
    signal: AbortSignal,
  ): Promise<ProbeFinding['verdict']> {
    const probe = new ArpSocket(this.#addon, question);
    const answers = { parent: 0, probe: 0 };
    try {
      for (let round = 0; round < PROBE_TRIES && answers.probe === 0; round++) {
        // By turns, and never both at once: a router that answers a question only so often must not favour one of the two.
        for (const socket of round % 2 === 0 ? [probe, parent] : [parent, probe]) {
          socket.ask();
          await pause(PROBE_TRY_MS / 2, undefined, { signal });
        }
        if (parent.takeAnswer()) answers.parent += 1;
        if (probe.takeAnswer()) answers.probe += 1;
      }
    } finally {
      await probe.close();
    }
    return judgeAnswers(answers);
  }
}
