// Loggers for tests: one that says nothing, one that remembers.
import { Writable } from 'node:stream';
import { createLogger, type Logger } from '../../src/kernel/process/logger.ts';

/** Says nothing, unless the environment variable TEST_LOG holds a level. */
export function silentLogger(): Logger {
  return createLogger({ name: 'test', level: process.env['TEST_LOG'] ?? 'silent' });
}

/** Remembers each line as an object. */
export function recordingLogger(): { logger: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  return { logger: createLogger({ name: 'test', level: 'debug', stream }), lines };
}
