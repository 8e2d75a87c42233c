// Messages of a real kernel, as test/netns/support/record-messages.ts wrote them down.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Recorded {
  /** The release that said it. */
  readonly kernel: string;
  /** By what was asked; each a datagram in base64. */
  readonly answers: Readonly<Record<string, readonly string[]>>;
}

/** Datagrams by what was asked. */
export function recordedDatagrams(): ReadonlyMap<string, readonly Buffer[]> {
  const path = join(import.meta.dirname, '../fixtures/netlink/messages.json');
  const { answers } = JSON.parse(readFileSync(path, 'utf8')) as Recorded;
  return new Map(
    Object.entries(answers).map(([name, texts]) => [name, texts.map((text) => Buffer.from(text, 'base64'))]),
  );
}
