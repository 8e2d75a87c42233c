// The chaos itself: rounds of random deeds, with a look after each whether everything comes back in order.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../support/random.ts';
import { commitSome } from './deeds.ts';
import { disorder, type Help, helpAlong, type Owned, replaceLinkless } from './order.ts';
import type { ChaosStage } from './stage.ts';
import type { Witnesses } from './witnesses.ts';

export interface ChaosOptions {
  readonly rounds: number;
  readonly random: Random;
  /** Longest time that something stays frozen or cut off, in milliseconds. */
  readonly longestMs: number;
  /** After so many rounds everything has to come back in order; always after the last one. */
  readonly settleEvery: number;
  /** No new round is begun after this many milliseconds. */
  readonly budgetMs: number;
  readonly tell: (line: string) => void;
}

export interface ChaosResult {
  readonly rounds: number;
  readonly deeds: ReadonlyMap<string, number>;
  readonly help: Help;
  readonly owned: Owned;
  /** How long it took until everything was in order again, in milliseconds. */
  readonly settleMs: readonly number[];
}

const SETTLE_WITHIN_MS = 240_000;
/** So long a person waits before he helps. In milliseconds. */
const PATIENCE_MS = 15_000;
const REPLACE_AFTER_MS = 45_000;

export async function makeChaos(stage: ChaosStage, witnesses: Witnesses, options: ChaosOptions): Promise<ChaosResult> {
  const { rounds, random, settleEvery, budgetMs, tell } = options;
  const owned: Owned = new Map();
  const help: Help = { releases: 0, replaced: 0 };
  const deeds = new Map<string, number>();
  const settleMs: number[] = [];
  const started = performance.now();
  tell(`at the start: in order after ${await settle(stage, witnesses, { owned, help })} ms`);
  let round = 0;
  while (round < rounds && performance.now() - started < budgetMs) {
    round += 1;
    const committed = await commitSome(stage, random, options.longestMs);
    for (const name of committed) deeds.set(name, (deeds.get(name) ?? 0) + 1);
    let line = `round ${round}: ${committed.join(', ')}`;
    if (round % settleEvery === 0 || round === rounds) {
      const ms = await settle(stage, witnesses, { owned, help });
      settleMs.push(ms);
      line += `; in order after ${ms} ms`;
    }
    tell(line);
    if (witnesses.twice.length > 0) break;
  }
  if (round < rounds && witnesses.twice.length === 0) settleMs.push(await settle(stage, witnesses, { owned, help }));
  return { rounds: round, deeds, help, owned, settleMs };
}

/** Waits until all is in order, and helps where a person has to. Gives the milliseconds; throws when it does not come to that. */
export async function settle(
  stage: ChaosStage,
  witnesses: Witnesses,
  { owned, help }: { readonly owned: Owned; readonly help: Help },
): Promise<number> {
  const started = performance.now();
  const patience = { help: PATIENCE_MS, replace: REPLACE_AFTER_MS };
  for (;;) {
    const wrong = await disorder(stage, witnesses, owned);
    const ms = performance.now() - started;
    if (wrong.length === 0 || witnesses.twice.length > 0) return Math.round(ms);
    if (ms > SETTLE_WITHIN_MS) throw new Error(`not in order after ${Math.round(ms)} ms:\n${wrong.join('\n')}`);
    if (ms > patience.help) {
      await helpAlong(stage, witnesses, help);
      patience.help = ms + 2000;
    }
    if (ms > patience.replace) {
      await replaceLinkless(stage, witnesses, help);
      patience.replace = ms + 20_000;
    }
    await sleep(500);
  }
}
