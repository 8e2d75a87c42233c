// The recordings of the real Multus, as the tests read them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One call of a plugin: what it was given and what it answered. */
export interface RecordedCall {
  readonly command: 'ADD' | 'DEL';
  readonly plugin: string;
  readonly ifname: string;
  readonly args: string;
  readonly stdin: unknown;
  readonly exit: number;
  readonly stdout: unknown;
}

export interface NetworkStatus {
  readonly name: string;
  readonly interface: string;
  readonly ips?: readonly string[];
  readonly mac?: string;
  readonly default?: boolean;
  readonly dns: object;
  readonly gateway?: readonly string[];
}

export interface RecordedCase {
  readonly name: string;
  readonly annotation: string;
  readonly calls: readonly RecordedCall[];
  /** Pod phase in the end; Running after a failure means that a later attempt succeeded. */
  readonly phase: string;
  /** Of the pod's own networks: the cluster network's entry was left out of the recording. */
  readonly networkStatus: readonly NetworkStatus[] | null;
  readonly events: readonly { readonly reason: string; readonly message: string }[];
  /** What the runtime was told when the first attempt failed. */
  readonly failure: string | null;
}

export interface Recordings {
  /** Configurations by namespace/name. */
  readonly networks: Readonly<Record<string, unknown>>;
  readonly cases: readonly RecordedCase[];
  readonly resultCache: { readonly case: string; readonly file: string; readonly content: unknown };
}

/** Reads the nineteen recorded cases. */
export function recordings(): Recordings {
  const file = join(import.meta.dirname, '../../fixtures/multus/transcripts.json');
  return JSON.parse(readFileSync(file, 'utf8')) as Recordings;
}

/** A recorded value with `<sandbox>`, `<uid>` and `<ns>` replaced by this run's. */
export function fillIn<T>(value: T, values: Readonly<Record<string, string>>): T {
  let text = JSON.stringify(value);
  for (const [key, replacement] of Object.entries(values)) text = text.replaceAll(`<${key}>`, replacement);
  return JSON.parse(text) as T;
}

/** The runtime's part of recorded CNI_ARGS: what follows the five pairs of Multus' own, without what a wish adds. */
export function runtimeArgs(call: RecordedCall): string {
  return call.args
    .split(';')
    .slice(5)
    .filter((pair) => !/^(MAC|IP)=/.test(pair))
    .join(';');
}
