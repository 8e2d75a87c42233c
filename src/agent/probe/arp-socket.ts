// Asks one address from one MAC address on one link, and hears whether it answers.
import { write } from 'node:fs';
import type { Addon, NativeSocket } from '../netlink/addon.ts';
import { encodeArpProbe, isAnswer } from './arp.ts';

/** A question: on which link, as whom, after whom. */
export interface ArpQuestion {
  readonly ifindex: number;
  readonly mac: string;
  readonly target: string;
}

export class ArpSocket {
  readonly #addon: Addon;
  readonly #native: NativeSocket;
  readonly #frame: Buffer;
  #isAnswered = false;
  #writing: Promise<void> = Promise.resolve();

  /** Throws when the kernel refuses a socket: without CAP_NET_RAW, and when the link is gone. */
  constructor(addon: Addon, { ifindex, mac, target }: ArpQuestion) {
    this.#addon = addon;
    this.#frame = encodeArpProbe(mac, target);
    // Errors (the link went down) are silence like any other.
    this.#native = addon.openArp(ifindex, (_errno, frame) => {
      if (frame !== undefined && isAnswer(frame, mac, target)) this.#isAnswered = true;
    });
  }

  /** Asks once more. */
  ask(): void {
    this.#writing = this.#writing.then(
      () => new Promise((resolve) => write(this.#native.fd, this.#frame, () => resolve())),
    );
  }

  /** Whether there was an answer since the last time. */
  takeAnswer(): boolean {
    const wasAnswered = this.#isAnswered;
    this.#isAnswered = false;
    return wasAnswered;
  }

  async close(): Promise<void> {
    // Its descriptor must not be reused under a write that is on its way in the thread pool.
    await this.#writing;
    this.#addon.close(this.#native);
  }
}
