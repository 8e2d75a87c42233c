// Netlink's wire format: messages made of a header, a fixed part and nested attributes, everything aligned to four bytes.
import { NLA_F_NESTED, NLA_TYPE_MASK } from './constants.ts';

const HEADER = 16;
const SEQUENCE_OFFSET = 8;

/** A message as it came in; `body` starts after the header and is only valid while the datagram is being read. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** The netlink port of whoever asked for what is told; zero when the kernel does not say, or did it by itself. */
  readonly port?: number;
  readonly body: Buffer;
}

/** Attributes of one level by type. When a type occurs twice, the last one counts. */
export type Attributes = ReadonlyMap<number, Buffer>;

function align(length: number): number {
  return (length + 3) & ~3;
}

/** The messages in a datagram. Stops where a length makes no sense. */
export function* readMessages(datagram: Buffer): Generator<Message> {
  let at = 0;
  while (at + HEADER <= datagram.length) {
    const length = datagram.readUInt32LE(at);
    if (length < HEADER || at + length > datagram.length) return;
    yield {
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + SEQUENCE_OFFSET),
      port: datagram.readUInt32LE(at + 12),
      body: datagram.subarray(at + HEADER, at + length),
    };
    at += align(length);
  }
}

/**
 * Calls `visit` with each attribute in order, also those whose type repeats. Stops where a length makes no sense. No generator: half of
 * what a look at a link takes would be its.
 */
function visitAttributes(data: Buffer, offset: number, visit: (type: number, value: Buffer) => void): void {
  let at = offset;
  while (at + 4 <= data.length) {
    const length = data.readUInt16LE(at);
    if (length < 4 || at + length > data.length) return;
    visit(data.readUInt16LE(at + 2) & NLA_TYPE_MASK, data.subarray(at + 4, at + length));
    at += align(length);
  }
}

/** All attributes, also those whose type repeats. */
export function walkAttributes(data: Buffer, offset: number): readonly (readonly [type: number, value: Buffer])[] {
  const attributes: [number, Buffer][] = [];
  visitAttributes(data, offset, (type, value) => attributes.push([type, value]));
  return attributes;
}

/** The attributes from `offset` on. */
export function readAttributes(data: Buffer | undefined, offset = 0): Attributes {
  const attributes = new Map<number, Buffer>();
  if (data !== undefined) visitAttributes(data, offset, (type, value) => attributes.set(type, value));
  return attributes;
}

/** A 32-bit number, or nothing when the attribute is missing or too short. */
export function readU32(value: Buffer | undefined): number | undefined {
  return value !== undefined && value.length >= 4 ? value.readUInt32LE(0) : undefined;
}

/** Text up to its terminating zero. */
export function readText(value: Buffer | undefined): string | undefined {
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  return value.toString('utf8', 0, end < 0 ? value.length : end);
}

/** Puts one request together. Methods return the writer, so that a message reads like its definition. */
export class MessageWriter {
  #buffer = Buffer.alloc(256);
  #length = HEADER;

  constructor(type: number, flags: number) {
    this.#buffer.writeUInt16LE(type, 4);
    this.#buffer.writeUInt16LE(flags, 6);
  }

  /** Appends bytes as they are: the fixed part of a message. */
  bytes(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += align(value.length);
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    this.#reserve(4 + value.length);
    this.#buffer.writeUInt16LE(4 + value.length, this.#length);
    this.#buffer.writeUInt16LE(type, this.#length + 2);
    this.#buffer.set(value, this.#length + 4);
    this.#length += align(4 + value.length);
    return this;
  }

  u8(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value));
  }

  u32(type: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value >>> 0);
    return this.attribute(type, bytes);
  }

  text(type: number, value: string): this {
    return this.attribute(type, Buffer.from(`${value}\0`));
  }

  /** An attribute that holds the attributes which `fill` writes. */
  nest(type: number, fill: (writer: this) => void): this {
    this.#reserve(4);
    const start = this.#length;
    this.#length += 4;
    fill(this);
    this.#buffer.writeUInt16LE(this.#length - start, start);
    this.#buffer.writeUInt16LE(type | NLA_F_NESTED, start + 2);
    return this;
  }

  /** The finished message. Its sequence number is still zero: the socket sets it. */
  finish(): Buffer {
    this.#buffer.writeUInt32LE(this.#length, 0);
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(length: number): void {
    const needed = this.#length + align(length);
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.alloc(Math.max(needed, 2 * this.#buffer.length));
    larger.set(this.#buffer);
    this.#buffer = larger;
  }
}

/** Numbers a finished message; the answer carries the same number. */
export function setSequence(message: Buffer, sequence: number): void {
  message.writeUInt32LE(sequence, SEQUENCE_OFFSET);
}
