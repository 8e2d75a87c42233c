// Structured logs on standard output, written synchronously so that the last line before an exit is never lost.
import { type DestinationStream, destination, type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;

/**
 * A JSON logger. `name` is in every line; `level` is one of pino's (default `info`); `stream` replaces standard output.
 * An unknown level is an error at start, with pino's own message.
 */
export function createLogger(opts: { name: string; level?: string; stream?: DestinationStream }): Logger {
  const stream = opts.stream ?? destination({ dest: 1, sync: true });
  return pino({ name: opts.name, level: opts.level ?? 'info', base: { name: opts.name } }, stream);
}
