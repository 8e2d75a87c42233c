// The controller as a process of its own, as a Deployment would run it, for tests that kill, freeze or measure it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../cluster/control-plane.ts';
import { kubeconfigFor } from '../cluster/kubeconfig.ts';
import { until } from './until.ts';

export interface ControllerProcessOptions {
  /** POD_NAME: in the Lease and in events. */
  readonly podName: string;
  /** POD_NAMESPACE: where the Lease is. */
  readonly namespace: string;
  readonly server: string;
  readonly ca: string;
  readonly token: string;
  /** Default src/controller/main.ts, which Node runs as it is. */
  readonly program?: string;
  /** For Node, before the program. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How it knows the API server: from a kubeconfig (default), or from the files that a pod has (needs root). */
  readonly account?: 'Kubeconfig' | 'Pod';
}

/** How a process ended: by itself, with a code, or by a signal. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface ControllerProcess {
  readonly podName: string;
  readonly pid: number;
  readonly ended: Promise<Ending>;
  signal(name: NodeJS.Signals): void;
  /** Waits until it says that it is ready: all watches have listed. */
  ready(): Promise<void>;
  /** The text of /metrics. */
  metrics(): Promise<string>;
  /** The last lines of its log. */
  lastWords(): string;
  /** SIGTERM, and waits for the end. Harmless when it has ended. */
  stop(): Promise<Ending>;
}

const LINES_KEPT = 40;
/** A pod's files, where a pod has them, in a mount namespace of the process' own: the machine's /run is not touched. */
const IN_A_POD = [
  'mount -t tmpfs tmpfs /run',
  'mkdir -p /run/secrets/kubernetes.io/serviceaccount',
  'cp "$0/token" "$0/ca.crt" /run/secrets/kubernetes.io/serviceaccount/',
  'exec "$@"',
].join(' && ');

/** Starts it, in a folder of its own for its credentials. */
export async function startControllerProcess(options: ControllerProcessOptions): Promise<ControllerProcess> {
  const { podName, namespace, program = 'src/controller/main.ts', flags = [], env = {} } = options;
  const folder = mkdtempSync(join(tmpdir(), 'macvlan-controller-'));
  const account = accountIn(folder, options);
  const [healthPort, metricsPort] = [await freePort(), await freePort()];
  const [command = '', ...args] = [...account.enter, process.execPath, ...flags, program];
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...account.env,
      POD_NAME: podName,
      POD_NAMESPACE: namespace,
      AGENT_IMAGE: 'operator:1',
      LOG_LEVEL: 'info',
      HEALTH_PORT: String(healthPort),
      METRICS_PORT: String(metricsPort),
      ...env,
    },
  });
  const lines = keepLines(child);
  const killed = () => child.kill('SIGKILL');
  process.once('exit', killed);
  const ended = new Promise<Ending>((resolve) => {
    child.once('exit', (code, signal) => {
      process.removeListener('exit', killed);
      rmSync(folder, { recursive: true, force: true });
      resolve({ code, signal, at: Date.now() });
    });
  });
  const lastWords = () => lines.join('\n');
  return {
    podName,
    pid: child.pid ?? 0,
    ended,
    lastWords,
    signal: (name) => void child.kill(name),
    ready: async () => {
      const isReady = () => {
        if (child.exitCode !== null) throw new Error(`${podName} ended with ${child.exitCode}:\n${lastWords()}`);
        return fetch(`http://127.0.0.1:${healthPort}/readyz`).then(
          (answer) => answer.ok,
          () => false,
        );
      };
      await until(`${podName} is ready`, isReady, 30_000);
    },
    metrics: async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text(),
    stop: async () => {
      child.kill('SIGCONT'); // a frozen one could not end
      child.kill('SIGTERM');
      return ended;
    },
  };
}

function accountIn(folder: string, { server, ca, token, account }: ControllerProcessOptions) {
  if (account !== 'Pod') {
    const path = join(folder, 'kubeconfig');
    writeFileSync(path, kubeconfigFor({ server, ca, user: { token } }), { mode: 0o600 });
    return { enter: [], env: { KUBECONFIG: path } };
  }
  writeFileSync(join(folder, 'token'), token, { mode: 0o600 });
  writeFileSync(join(folder, 'ca.crt'), ca);
  const { hostname, port } = new URL(server);
  const env = { KUBECONFIG: '', KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
  return { enter: ['unshare', '--mount', 'sh', '-c', IN_A_POD, folder], env };
}

function keepLines(child: ChildProcess): readonly string[] {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      lines.push(...text.trimEnd().split('\n'));
      lines.splice(0, Math.max(0, lines.length - LINES_KEPT));
    });
  }
  return lines;
}
