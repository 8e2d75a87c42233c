// Asks the LAN from time to time whether other devices have addresses of the node's pods: as soon as a link is seen, and again after a
// long while. Between two questions nothing is done.
//
//   new ──(asked, nobody)──▶ asked again much later
//     └──(somebody)──▶ suspect ──(soon after, still)──▶ told, asked again soon ──(nobody)──▶ told no longer
import type { PodRival } from '../../api/v1alpha1/node-state.ts';
import { isEqual } from '../../domain/objects/equal.ts';
import type { Rivals } from '../../domain/pod/contested.ts';
import {
  addressesBeside,
  answeringForAll,
  type LanFacts,
  type LanQuestion,
  questionKey,
  questionsAbout,
  rivalsIn,
} from '../../domain/pod/rivals.ts';
import type { Answer } from '../../kernel/controller/controller.ts';
import { type Clock, jitter } from '../../kernel/process/clock.ts';
import type { LanPort } from '../ports.ts';

/** Where nobody else was, nobody is asked again before this. In milliseconds. */
const AGAIN_MS = 600_000;
/** A pod that moves from node to node is in two places for a moment. In milliseconds. */
const CONFIRM_MS = 5000;
/** The end of it is noticed within this. In milliseconds. */
const WATCHED_MS = 60_000;
/** So many addresses are asked for at a time: each is an entry of the node's table of neighbours, which is not large. */
const AT_A_TIME = 32;
/** What is due within this is asked along. In milliseconds. */
const ALONG_MS = 60_000;

interface Known {
  readonly question: LanQuestion;
  readonly due: number;
  readonly answers: readonly PodRival[];
  /** The same answers came twice. */
  readonly isConfirmed: boolean;
}

type AnswersTo = (question: LanQuestion) => readonly PodRival[];

export interface RivalWatchOptions {
  readonly lan: LanPort;
  /** Called when there is something new to tell. */
  readonly onChange: () => void;
  readonly clock: Clock;
}

export class RivalWatch {
  readonly #options: RivalWatchOptions;
  #known: ReadonlyMap<string, Known> = new Map();
  #rivals: Rivals = new Map();

  constructor(options: RivalWatchOptions) {
    this.#options = options;
  }

  get rivals(): Rivals {
    return this.#rivals;
  }

  /** Takes the links that there are. Returns whether there is something new to ask. */
  follow(facts: LanFacts): boolean {
    const before = this.#known;
    const now = this.#options.clock.now();
    const fresh = { due: now, answers: [], isConfirmed: false };
    const questions = questionsAbout(facts).map((question) => [questionKey(question), question] as const);
    this.#known = new Map(questions.map(([key, question]) => [key, { ...(before.get(key) ?? fresh), question }]));
    this.#tell();
    return questions.some(([key]) => !before.has(key));
  }

  /** One turn: asks what is due, a part of it at a time. */
  async turn(signal: AbortSignal): Promise<Answer> {
    const batch = this.#batch();
    const [first] = batch;
    if (first !== undefined) {
      const answersTo = await this.#ask(
        first.question.parent,
        batch.map(({ question }) => question),
        signal,
      );
      if (signal.aborted) return { type: 'done' };
      this.#learn(batch, answersTo);
    }
    const next = Math.min(...[...this.#known.values()].map(({ due }) => due));
    if (!Number.isFinite(next)) return { type: 'done' };
    return { type: 'later', ms: Math.max(0, next - this.#options.clock.now()) };
  }

  /** Who answers is asked for addresses beside his before he is believed. */
  async #ask(parent: number, questions: readonly LanQuestion[], signal: AbortSignal): Promise<AnswersTo> {
    const { lan } = this.#options;
    const neighbours = await lan.ask(parent, distinct(questions.map(({ address }) => address)), signal);
    const answered = questions.filter((question) => rivalsIn(question, neighbours).length > 0);
    if (answered.length === 0 || signal.aborted) return () => [];
    const beside = distinct(answered.flatMap(({ address }) => addressesBeside(address))).slice(0, AT_A_TIME);
    const forAll = answeringForAll(beside, await lan.ask(parent, beside, signal));
    return (question) => rivalsIn(question, neighbours, forAll);
  }

  /** Of one NIC: those that are due, and with them those that soon will be. */
  #batch(): readonly Known[] {
    const now = this.#options.clock.now();
    const sorted = [...this.#known.values()].sort((a, b) => a.due - b.due);
    const [first] = sorted;
    if (first === undefined || first.due > now) return [];
    const isAlong = ({ question, due }: Known) => question.parent === first.question.parent && due <= now + ALONG_MS;
    return sorted.filter(isAlong).slice(0, AT_A_TIME);
  }

  #learn(batch: readonly Known[], answersTo: AnswersTo): void {
    const known = new Map(this.#known);
    const now = this.#options.clock.now();
    for (const { question, ...before } of batch) {
      const key = questionKey(question);
      if (!known.has(key)) continue;
      const answers = answersTo(question);
      const isConfirmed = answers.length > 0 && isEqual(answers, before.answers);
      const pause = answers.length === 0 ? jitter(AGAIN_MS) : isConfirmed ? WATCHED_MS : CONFIRM_MS;
      known.set(key, { question, answers, isConfirmed, due: now + pause });
    }
    this.#known = known;
    this.#tell();
  }

  #tell(): void {
    const rivals = new Map<string, readonly PodRival[]>();
    for (const { question, answers, isConfirmed } of this.#known.values()) {
      if (isConfirmed) rivals.set(question.key, [...(rivals.get(question.key) ?? []), ...answers]);
    }
    if (isEqual([...rivals], [...this.#rivals])) return;
    this.#rivals = rivals;
    this.#options.onChange();
  }
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
