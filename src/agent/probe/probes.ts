// The probing part of an agent: which plans want a probe, and the turns in which they are made.
import type { ProbeFinding, ProbeWish } from '../../domain/parent/mac-filter.ts';
import { Controller, type Reconcile } from '../../kernel/controller/controller.ts';
import { type AttachmentPlan, verifiedParents } from '../plan.ts';
import type { ProbePort } from '../ports.ts';
import { ProbeWatch, type ProbeWatchOptions } from './probe-watch.ts';

export interface Probes {
  /** What was found out, by `probeKeyOf`. */
  readonly findings: ReadonlyMap<string, ProbeFinding>;
  /** Takes the plans of a turn, after which something may have to be asked. */
  follow(plans: readonly AttachmentPlan[]): void;
  run(signal: AbortSignal): Promise<void>;
}

type Shared = Omit<ConstructorParameters<typeof Controller>[0], 'name' | 'reconcile' | 'clock'>;

/** Without a port nobody is ever asked. */
export function createProbes(
  port: ProbePort | undefined,
  {
    nodeName,
    nodeUid,
    onChange,
    ...shared
  }: Shared & Pick<ProbeWatchOptions, 'nodeUid' | 'onChange' | 'clock'> & { readonly nodeName: string },
): Probes {
  if (port === undefined) return { findings: new Map(), follow: () => {}, run: async () => {} };
  const watch = new ProbeWatch({ port, nodeUid, onChange, clock: shared.clock, logger: shared.logger });
  // A probe is cut short as soon as the agent is to stop; what the controller hands in ends only with its patience.
  let stopping: AbortSignal | undefined;
  const reconcile: Reconcile = (_key, signal) => watch.turn(stopping ?? signal);
  const controller = new Controller({ name: 'probes', reconcile, ...shared });
  return {
    findings: watch.findings,
    follow: (plans) => {
      if (watch.setWishes(wishesIn(plans))) controller.enqueue(nodeName);
    },
    async run(signal) {
      stopping = signal;
      // Also without a wish: links of a process that was killed are taken away.
      controller.enqueue(nodeName);
      await controller.run(signal);
      await port.close();
    },
  };
}

/** Of NICs that are verified and in order. Attachments on one NIC mostly have the same question. */
export function wishesIn(plans: readonly AttachmentPlan[]): readonly ProbeWish[] {
  const verified = verifiedParents(plans);
  return plans.flatMap(({ attachment, probe, problems }) => {
    const isReady = verified.has(attachment.metadata.name) && problems.length === 0;
    return isReady && probe !== undefined && probe !== 'NoGateway' ? [probe] : [];
  });
}
