// Reading what the API server sends: a whole JSON document, or a stream of lines.
import type { IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';

/**
 * The whole body, parsed when it is JSON, as text when it is not, undefined when it is empty.
 * Rejects when the connection breaks, or pauses for longer than `idleMs`.
 */
export async function readJson(response: IncomingMessage, idleMs: number): Promise<unknown> {
  const chunks: Buffer[] = [];
  const stalled = () => response.destroy(new Error(`the response paused for more than ${idleMs} ms`));
  let timer = setTimeout(stalled, idleMs);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      clearTimeout(timer);
      timer = setTimeout(stalled, idleMs);
    }
  } finally {
    clearTimeout(timer);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return undefined;
  return response.headers['content-type']?.includes('json') ? JSON.parse(text) : text;
}

/**
 * The body line by line, empty lines left out. Leaving the loop early ends the connection.
 * Rejects when the connection breaks or the last line has no end, since half a line is half an object.
 */
export async function* readLines(response: IncomingMessage, done: () => void): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8'); // a character may be cut by a chunk's end
  let rest = '';
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      const parts = (rest + decoder.write(chunk)).split('\n');
      rest = parts.pop() ?? '';
      for (const line of parts) if (line !== '') yield line;
    }
    if (rest.trim() !== '') throw new Error('the stream ended in the middle of a line');
  } finally {
    done();
    response.destroy();
  }
}
