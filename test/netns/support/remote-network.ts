// The real network of a lab's namespace, as a port that tests call like any other.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { buildAddon } from '../../../scripts/build-addon.ts';
import type { NetworkPort } from '../../../src/agent/ports.ts';
import type { Change, Refusal } from '../../../src/domain/net/change.ts';
import type { Link, Network } from '../../../src/domain/net/network.ts';
import type { Lab } from './lab.ts';
import type { Call } from './network-child.ts';

/** One call at a time. */
export class RemoteNetwork implements NetworkPort {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #ended: Promise<unknown[]>;

  /**
   * @param node words that run Node; default: the project's own
   * @param addon made for it; default: the machine's
   */
  constructor(lab: Lab, namespace: string, node: readonly string[] = [process.execPath], addon = buildAddon()) {
    const program = join(import.meta.dirname, 'network-child.ts');
    this.#child = lab.spawn(namespace, [...node, program, addon]);
    if (this.#child.stdout === null) throw new Error('no output of the child');
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#ended = once(this.#lines, 'close');
  }

  /** Of the process that makes the changes. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  read(): Promise<Network> {
    return this.#call<Network>({ method: 'read' });
  }

  async readLink(ifindex: number): Promise<Link | undefined> {
    return (await this.#call<Link | null>({ method: 'readLink', ifindex })) ?? undefined;
  }

  readProxied(ifindex: number): Promise<readonly string[]> {
    return this.#call({ method: 'readProxied', ifindex });
  }

  apply(changes: readonly Change[]): Promise<readonly Refusal[]> {
    return this.#call({ method: 'apply', changes });
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
  }

  async #call<T>(call: Call): Promise<T> {
    const answer = new Promise<[string]>((resolve) => this.#lines.once('line', (line) => resolve([line])));
    this.#child.stdin?.write(`${JSON.stringify(call)}\n`);
    const [line] = await Promise.race([answer, this.#ended]);
    if (line === undefined) throw new Error(`the process of the network ended at ${call.method}`);
    return JSON.parse(String(line)) as T;
  }
}
