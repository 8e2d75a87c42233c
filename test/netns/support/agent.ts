// The agent's core in a namespace of a lab, driven by a test: objects in, states out.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildAddon } from '../../../scripts/build-addon.ts';
import type { KubeObject, Pod } from '../../../src/api/kube.ts';
import { ANNOTATION_NETWORK_STATUS } from '../../../src/api/multus.ts';
import type { MacvlanAttachment } from '../../../src/api/v1alpha1/attachment.ts';
import type { MacvlanNodeStateStatus, NodeAttachment } from '../../../src/api/v1alpha1/node-state.ts';
import type { ContestLimits } from '../../../src/domain/shim/contest.ts';
import { type AttachmentInit, attachment } from '../../support/builders.ts';
import { until } from '../../support/until.ts';
import type { Command, Saying } from './agent-child.ts';
import type { Lab } from './lab.ts';
import { NIC } from './lan.ts';
import { limitedTo } from './rights.ts';

const NODE = { metadata: { name: 'node-a', uid: 'uid-of-node-a', labels: { 'kubernetes.io/hostname': 'node-a' } } };

/** A running agent. */
export class LabAgent {
  /** Each status that was written, oldest first. */
  readonly statuses: MacvlanNodeStateStatus[] = [];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.statuses.push((JSON.parse(line) as Saying).state.status ?? {});
      });
    }
  }

  /** An agent that knows these objects before it begins. */
  static start(
    lab: Lab,
    namespace: string,
    init: {
      objects?: readonly Known[];
      contest?: ContestLimits;
      capabilities?: string;
      /** Whether pods' links are looked at, or taken as they are written on the pods; the default. */
      links?: 'Real' | 'AsWritten';
      env?: Record<string, string>;
    } = {},
  ): LabAgent {
    const program = join(import.meta.dirname, 'agent-child.ts');
    const { capabilities } = init;
    const limits = capabilities === undefined ? [] : limitedTo(capabilities.split(','));
    const agent = new LabAgent(lab.spawn(namespace, [...limits, process.execPath, program], init.env));
    agent.send({ op: 'put', kind: 'node', object: NODE });
    for (const { kind, object } of init.objects ?? []) agent.send({ op: 'put', kind, object });
    const { contest, links = 'AsWritten' } = init;
    agent.send({ op: 'start', addon: buildAddon(), links, ...(contest === undefined ? {} : { contest }) });
    return agent;
  }

  send(command: Command): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  putAttachment(object: MacvlanAttachment): void {
    this.send({ op: 'put', kind: 'attachment', object });
  }

  removeAttachment(name: string): void {
    this.send({ op: 'remove', kind: 'attachment', key: name });
  }

  putPod(object: Pod): void {
    this.send({ op: 'put', kind: 'pod', object });
  }

  removePod(key: string): void {
    this.send({ op: 'remove', kind: 'pod', key });
  }

  /** Of the agent's own process. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get status(): MacvlanNodeStateStatus {
    return this.statuses.at(-1) ?? {};
  }

  entry(name: string): NodeAttachment | undefined {
    return this.status.attachments?.find((entry) => entry.name === name);
  }

  /** Resolves when the attachment's entry is as wanted. */
  async hasEntry(name: string, phase: NodeAttachment['phase']): Promise<NodeAttachment> {
    await until(`${name} is ${phase}`, () => this.entry(name)?.phase === phase);
    return this.entry(name) ?? { name, phase };
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The orderly end, as on SIGTERM. */
  async stop(): Promise<void> {
    if (this.hasEnded) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
  }

  /** The end without a word, as on SIGKILL. */
  async kill(): Promise<void> {
    if (this.hasEnded) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

interface Known {
  readonly kind: 'attachment' | 'pod' | 'state';
  readonly object: KubeObject;
}

/** An attachment on the NIC of that name. */
export function attachmentOn(nic: string, init: AttachmentInit = {}): MacvlanAttachment {
  return attachment({ ...init, spec: { parents: [{ interface: { name: nic } }], ...init.spec } });
}

/** The attachment `lan` on the scene's NIC, with host access. */
export const ROUTED = attachmentOn(NIC, { spec: { hostAccess: { type: 'Routed' } } });

export interface PodInit {
  readonly ip: string;
  readonly mac: string;
  readonly attachment?: string;
}

/** A running pod of the namespace `home` with one link on an attachment. */
export function podOn(name: string, init: PodInit): Pod {
  const entry = { name: `home/${init.attachment ?? 'lan'}`, interface: 'net1', ips: [init.ip], mac: init.mac, dns: {} };
  return {
    metadata: {
      name,
      namespace: 'home',
      uid: `uid-${name}`,
      annotations: { [ANNOTATION_NETWORK_STATUS]: JSON.stringify([{ name: 'cbr0', default: true }, entry]) },
    },
    spec: {},
    status: { phase: 'Running' },
  };
}
