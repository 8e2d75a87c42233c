// Requests over one netlink socket: numbers them, writes them in one go, and gives each answer to whoever asked.
import { write } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import type { Addon, NativeCallback, NativeSocket } from './addon.ts';
import * as k from './constants.ts';
import { type Message, readAttributes, readMessages, readText, setSequence } from './message.ts';

/** Room for the answers to a batch and for the events of a busy moment, in bytes. */
const RECEIVE_BUFFER = 8 * 1024 * 1024;
/** Largest single write, in bytes, well below the send buffer; a larger batch goes in several writes, in order. */
const WRITE_MAX = 48 * 1024;

/** An error that the kernel or the socket gave; `code` is the errno's name. */
export class NetlinkError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'NetlinkError';
    this.code = code;
  }
}

/** The kernel's answer to one request of a batch: nothing when it did as asked. */
export type Acknowledgement = NetlinkError | undefined;

interface Pending {
  readonly fold: ((message: Message) => void) | undefined;
  readonly settle: (answer: Acknowledgement, flags: number) => void;
}

/** A socket for requests. Requests of one caller are carried out in the order in which they were made. */
export class RequestSocket {
  readonly #addon: Addon;
  readonly #native: NativeSocket;
  readonly #pending = new Map<number, Pending>();
  #sequence = 1;
  #isClosed = false;
  #port: number | undefined;
  #tail: Promise<unknown> = Promise.resolve();

  /**
   * Throws when the kernel refuses a socket.
   * @param namespace descriptor of the network namespace to work in; default: the process's own
   */
  constructor(addon: Addon, namespace?: number) {
    this.#addon = addon;
    const receive: NativeCallback = (errno, datagram) => {
      if (datagram === undefined) this.#failAll(errno);
      else this.#read(datagram);
    };
    this.#native =
      namespace === undefined
        ? addon.open(0, RECEIVE_BUFFER, receive)
        : addon.open(0, RECEIVE_BUFFER, receive, namespace);
  }

  /** The socket's netlink port, by which others know who asked for a change; not known before the first answer. */
  get port(): number | undefined {
    return this.#port;
  }

  /** Sends changes in as few writes as possible; resolves with one answer per message, in order. Never rejects. */
  send(messages: readonly Buffer[]): Promise<readonly Acknowledgement[]> {
    return this.#exclusive(async () => {
      const answers = messages.map((message) => this.#expect(message, undefined));
      for (const chunk of chunksOf(messages)) await this.#write(chunk);
      return (await Promise.all(answers)).map((answer) => answer.error);
    });
  }

  /**
   * Sends requests that are each answered by one message, in as few writes as possible; resolves with what `read` made of each
   * answer, or the error, in order. `read` gets the message while it is valid. Never rejects.
   */
  ask<T>(requests: readonly Buffer[], read: (message: Message) => T): Promise<readonly (T | NetlinkError)[]> {
    return this.#exclusive(async () => {
      const found: (T | undefined)[] = requests.map(() => undefined);
      const answers = requests.map((request, i) =>
        this.#expect(request, (message) => {
          found[i] = read(message);
        }),
      );
      for (const chunk of chunksOf(requests)) await this.#write(chunk);
      const settled = await Promise.all(answers);
      return settled.map(({ error }, i) => error ?? found[i] ?? new NetlinkError('ENODATA', 'no answer'));
    });
  }

  /**
   * Sends one request that is answered by several messages, and hands each of them to `fold` while it is valid.
   * Rejects with a NetlinkError. Resolves with false when things changed meanwhile: the answer may be inconsistent.
   */
  dump(request: Buffer, fold: (message: Message) => void): Promise<boolean> {
    return this.gather([request], fold);
  }

  /** The same for several requests in one write, of which the last one only may be a dump: the kernel does one at a time. */
  gather(requests: readonly Buffer[], fold: (message: Message) => void): Promise<boolean> {
    return this.#exclusive(async () => {
      let isConsistent = true;
      const answers = requests.map((request) =>
        this.#expect(request, (message) => {
          if ((message.flags & k.NLM_F_DUMP_INTR) !== 0) isConsistent = false;
          fold(message);
        }),
      );
      await this.#write(requests);
      for (const { error, flags } of await Promise.all(answers)) {
        if (error !== undefined) throw error;
        if ((flags & k.NLM_F_DUMP_INTR) !== 0) isConsistent = false;
      }
      return isConsistent;
    });
  }

  /** Closes the socket; what is still waiting for an answer fails. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#failAll(constants.errno.EBADF);
    // A write may be on its way in the thread pool: its descriptor must not be reused under it.
    await this.#tail;
    this.#addon.close(this.#native);
  }

  /** One request at a time: the kernel does only one dump per socket, and order makes failures explicable. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => undefined);
    return result;
  }

  #expect(message: Buffer, fold: Pending['fold']): Promise<{ error: Acknowledgement; flags: number }> {
    const sequence = this.#sequence++ >>> 0;
    setSequence(message, sequence);
    return new Promise((resolve) => {
      this.#pending.set(sequence, { fold, settle: (error, flags) => resolve({ error, flags }) });
    });
  }

  #write(messages: readonly Buffer[]): Promise<void> {
    const data = messages.length === 1 && messages[0] !== undefined ? messages[0] : Buffer.concat(messages);
    if (this.#isClosed) {
      this.#failAll(constants.errno.EBADF);
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      write(this.#native.fd, data, 0, data.length, null, (error) => {
        if (error !== null) this.#failAll(error.errno === undefined ? constants.errno.EIO : -error.errno);
        resolve();
      });
    });
  }

  #read(datagram: Buffer): void {
    for (const message of readMessages(datagram)) {
      const pending = this.#pending.get(message.sequence);
      if (pending === undefined) continue;
      this.#port ??= message.port;
      if (message.type === k.NLMSG_ERROR || message.type === k.NLMSG_DONE) {
        this.#pending.delete(message.sequence);
        pending.settle(readAcknowledgement(message), message.flags);
      } else {
        pending.fold?.(message);
      }
    }
  }

  /** Answers may be lost: whoever waits has to look again. */
  #failAll(errno: number): void {
    const code = errnoName(errno);
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const pending of waiting) pending.settle(new NetlinkError(code, `netlink socket: ${code}`), 0);
  }
}

function* chunksOf(messages: readonly Buffer[]): Generator<Buffer[]> {
  let chunk: Buffer[] = [];
  let size = 0;
  for (const message of messages) {
    if (chunk.length > 0 && size + message.length > WRITE_MAX) {
      yield chunk;
      chunk = [];
      size = 0;
    }
    chunk.push(message);
    size += message.length;
  }
  if (chunk.length > 0) yield chunk;
}

/** What an acknowledgement, or the end of a dump, says: nothing when all is well. */
export function readAcknowledgement(message: Message): Acknowledgement {
  const errno = message.body.length >= 4 ? -message.body.readInt32LE(0) : 0;
  if (errno <= 0) return undefined;
  const code = errnoName(errno);
  return new NetlinkError(code, readExtendedMessage(message) ?? code);
}

/** The kernel's own words, where it has any: attributes after the error and the request that it repeats. */
function readExtendedMessage({ type, flags, body }: Message): string | undefined {
  if ((flags & k.NLM_F_ACK_TLVS) === 0) return undefined;
  let offset = 4;
  if (type === k.NLMSG_ERROR && body.length >= 8) {
    // The length of the request that is repeated: a word that may be larger than bitwise operators bear.
    offset += (flags & k.NLM_F_CAPPED) === 0 ? Math.ceil(body.readUInt32LE(4) / 4) * 4 : 16;
  }
  return readText(readAttributes(body, offset).get(k.NLMSGERR_ATTR_MSG));
}

/** Such as EEXIST; `errno 123` for a number that the platform does not know. */
export function errnoName(errno: number): string {
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `errno ${errno}`;
  }
}
