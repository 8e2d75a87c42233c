// Report: status and events of an attachment, written only when there is something new to read.
import { MANAGER_CONTROLLER_STATUS } from '../../api/names.ts';
import { ATTACHMENT, type MacvlanAttachment } from '../../api/v1alpha1/attachment.ts';
import type { ProblemStatus } from '../../api/v1alpha1/attachment-status.ts';
import { actionFor, announce } from '../../domain/attachment/announce.ts';
import { statusFor } from '../../domain/attachment/status.ts';
import type { Verdict } from '../../domain/attachment/verdict.ts';
import { isEqual } from '../../domain/objects/equal.ts';
import { steadyText } from '../../domain/steady-text.ts';
import type { KubeClient } from '../../kernel/kube/client.ts';
import type { EventRecorder } from '../../kernel/kube/events.ts';
import { ApiError } from '../../kernel/kube/transport.ts';
import type { OwnWrites } from '../own-writes.ts';

function isAboutAgents({ reason }: ProblemStatus): boolean {
  return reason === 'AgentSilent';
}

export interface ReporterOptions {
  readonly client: KubeClient;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly written: OwnWrites<MacvlanAttachment>;
}

/**
 * For how long the first status of an attachment waits for the agents, which usually answer within this: so the first thing
 * that is read is how it went, and not that nobody has answered yet. It also saves a write per attachment.
 */
const FIRST_WORD_MS = 300;

export class Reporter {
  readonly #options: ReporterOptions;
  /** Attachments without a status: when each was first to be reported. */
  readonly #waiting = new Map<string, number>();
  /** Per attachment: what has been told in events. */
  readonly #told = new Map<string, ReadonlySet<string>>();

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Resolves with the milliseconds until time alone makes news, if it may. */
  async report(attachment: MacvlanAttachment, verdict: Verdict, signal: AbortSignal): Promise<number | undefined> {
    const wait = this.#firstWordIn(attachment, verdict);
    if (wait > 0) return wait;
    await this.#writeStatus(attachment, verdict, signal);
    return this.#tell(attachment, verdict);
  }

  /** Milliseconds until a first status is due; 0 for now. */
  #firstWordIn({ metadata: { name }, status }: MacvlanAttachment, { problems, facts, nodes }: Verdict): number {
    const isUndecided = nodes.ready + nodes.degraded < nodes.matched && problems.every(isAboutAgents);
    if (status?.conditions !== undefined || !isUndecided) {
      this.#waiting.delete(name);
      return 0;
    }
    const since = this.#waiting.get(name) ?? facts.now;
    this.#waiting.set(name, since);
    return Math.min(FIRST_WORD_MS, Math.max(0, since + FIRST_WORD_MS - facts.now));
  }

  /** Forgets an attachment that is gone. */
  forget(name: string): void {
    this.#waiting.delete(name);
    this.#told.delete(name);
  }

  async #writeStatus(attachment: MacvlanAttachment, verdict: Verdict, signal: AbortSignal): Promise<void> {
    const status = statusFor(attachment, verdict);
    if (isEqual(status, attachment.status)) return;
    const { name, uid } = attachment.metadata;
    const { client, written } = this.#options;
    // With the uid, a namesake that was made meanwhile does not get the status of its predecessor.
    const object = { apiVersion: ATTACHMENT.apiVersion, kind: ATTACHMENT.kind, metadata: { name, uid }, status };
    const options = { manager: MANAGER_CONTROLLER_STATUS, force: true, subresource: 'status', signal } as const;
    try {
      await written.through(name, () => client.apply<MacvlanAttachment>(ATTACHMENT, object, options));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }

  #tell(attachment: MacvlanAttachment, { problems, facts }: Verdict): number | undefined {
    const { name } = attachment.metadata;
    const { news, told, recheckMs } = announce(attachment, problems, this.#told.get(name), facts.now);
    this.#told.set(name, told);
    const regarding = { ...attachment, apiVersion: ATTACHMENT.apiVersion, kind: ATTACHMENT.kind };
    for (const { reason, message, remedy, node } of news) {
      const where = node === undefined || message.includes(node) ? '' : `Node ${node}: `;
      const note = `${where}${message}${remedy === undefined ? '' : ` ${remedy}`}`;
      const sameAs = steadyText(note);
      this.#options.events.record({ regarding, type: 'Warning', reason, action: actionFor(reason), note, sameAs });
    }
    return recheckMs;
  }
}
