// The stage on which the story is told: it runs commands, shows them with what came back, and keeps the list of checks.
import { setTimeout as sleep } from 'node:timers/promises';

/** What a command gave back. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Check {
  readonly sentence: string;
  readonly held: boolean;
  readonly detail: string;
}

/** How long to wait for something that must come true, and how often to look. */
export interface Patience {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/** Where the story is printed: the terminal in the demo, nowhere in a test. */
export type Print = (line: string) => void;

const SHOWN_LINES = 24;

export class Stage {
  readonly checks: Check[] = [];
  readonly #print: Print;

  constructor(print: Print) {
    this.#print = print;
  }

  say(sentence: string): void {
    this.#print(`\n  ${sentence}`);
  }

  /** Shows a command as a person would type it, runs it, and shows what came back. */
  async show(command: string, run: () => Promise<Outcome>): Promise<Outcome> {
    this.#print(`\n  $ ${command}`);
    const outcome = await run();
    const lines = `${outcome.stdout}${outcome.stderr}`.trimEnd().split('\n');
    for (const line of lines.slice(0, SHOWN_LINES)) this.#print(`    ${line}`);
    if (lines.length > SHOWN_LINES) this.#print(`    … ${lines.length - SHOWN_LINES} more lines`);
    return outcome;
  }

  check(sentence: string, held: boolean, detail = ''): void {
    this.checks.push({ sentence, held, detail });
    this.#print(`  ${held ? 'ok  ' : 'FAIL'} ${sentence}${detail === '' ? '' : `  (${detail})`}`);
  }

  /**
   * Looks until `look` gives a value, and notes how long that took. Gives undefined, after a failed check, when patience ends;
   * `look` may throw while the world is still on its way.
   */
  async eventually<T>(
    sentence: string,
    look: () => Promise<T | undefined | false>,
    patience: Patience = {},
  ): Promise<T | undefined> {
    const { timeoutMs = 60_000, everyMs = 100 } = patience;
    const started = performance.now();
    let last = '';
    while (performance.now() - started < timeoutMs) {
      try {
        const value = await look();
        if (value !== undefined && value !== false) {
          this.check(sentence, true, formatMs(performance.now() - started));
          return value;
        }
      } catch (error) {
        last = `; last error: ${String(error)}`;
      }
      await sleep(everyMs);
    }
    this.check(sentence, false, `not within ${formatMs(timeoutMs)}${last}`);
    return undefined;
  }
}

export function formatMs(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
