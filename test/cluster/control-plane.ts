// A control plane alone, for flow tests: etcd and kube-apiserver on a free loopback port, gone with the process that started it.
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, run } from '../support/run.ts';
import {
  type ApiServerSettings,
  auditLogOf,
  caFileOf,
  startEtcd,
  startKubeApiServer,
  type TokenUser,
  waitForApi,
  writeCredentials,
} from './api-server.ts';
import { controlPlanePrograms } from './binaries.ts';
import { kubeconfigFor } from './kubeconfig.ts';
import { isRunning, type ProcessRecord, recordOf } from './pid.ts';
import { Processes } from './processes.ts';
import { type Progress, silent } from './progress.ts';

export interface ControlPlaneOptions {
  /** `Metadata` writes a line for every request to `auditLog`. Default: none. */
  readonly audit?: 'Metadata' | 'None';
  /** More flags for kube-apiserver, after our own: a flag given twice counts as given here. */
  readonly extraArgs?: readonly string[];
  /** More accounts with bearer tokens; they have the rights that RBAC gives them. */
  readonly users?: readonly TokenUser[];
  readonly progress?: Progress;
}

/** Options of one kubectl call. */
export interface KubectlOptions {
  /** Text for standard input (`apply -f -`). */
  readonly input?: string;
  /** Killed after this many milliseconds. Default 120,000. */
  readonly timeoutMs?: number;
}

export interface ControlPlane {
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  /** Bearer token of `admin`, group system:masters. */
  readonly token: string;
  /** Path of the authority's certificate, and the certificate itself (PEM). */
  readonly caFile: string;
  readonly ca: string;
  /** Path of a kubeconfig for `admin`. */
  readonly kubeconfig: string;
  readonly stateDir: string;
  /** Path of the audit log; undefined when there is none. */
  readonly auditLog: string | undefined;
  /** Runs kubectl as admin; never rejects, see `code`. */
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<Outcome>;
  /** Kills the API server: connections break in the middle of whatever they carry. */
  stopApiServer(): Promise<void>;
  /** Starts it again on the same port and waits until it is ready. */
  startApiServer(): Promise<void>;
  restartApiServer(): Promise<void>;
  /** Ends both and starts them again, with a copy of etcd's data taken in between. */
  backUp(): Promise<void>;
  /** The same, with that copy put in the place of the data: what was written since has never been. */
  restore(): Promise<void>;
  /** Ends everything and removes the state folder; harmless when called twice. */
  stop(): Promise<void>;
}

const PREFIX = 'macvlan-operator-api-';
const READY_WITHIN_MS = 60_000;
const PORT_TRIES = 3;

/**
 * Starts etcd and kube-apiserver; ready in about three seconds. Any number may run at once. There is no controller-manager: pods
 * can be created (the ServiceAccount admission is off), nothing runs or collects them.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const programs = await controlPlanePrograms(options.progress ?? silent);
  removeDeadFolders();
  for (let tried = 1; ; tried++) {
    try {
      return await startOnce(await freePort(), programs, options);
    } catch (error) {
      // Somebody else may have taken the port between our look and the API server's.
      if (tried === PORT_TRIES || !String(error).includes('address already in use')) throw error;
    }
  }
}

async function startOnce(
  port: number,
  programs: ApiServerSettings['programs'],
  options: ControlPlaneOptions,
): Promise<ControlPlane> {
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  writeFileSync(join(folder, 'owner'), JSON.stringify(recordOf(process.pid)));
  const processes = new Processes(folder);
  const audit = options.audit ?? 'None';
  const settings: ApiServerSettings = {
    folder,
    programs,
    processes,
    life: 'Owner',
    enter: [],
    bindAddress: '127.0.0.1',
    port,
    advertiseAddress: '192.0.2.1', // a loopback address is refused as an endpoint; nothing connects to it here
    names: [],
    token: randomBytes(16).toString('hex'),
    users: options.users ?? [],
    audit,
    extraArgs: ['--disable-admission-plugins=ServiceAccount', ...(options.extraArgs ?? [])],
  };
  const { cert: ca } = writeCredentials(settings);
  const url = `https://127.0.0.1:${port}`;
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigFor({ server: url, ca, user: { token: settings.token } }), { mode: 0o600 });
  const wipe = () => {
    processes.killAll();
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', wipe);
  const startApiServer = async () => {
    startKubeApiServer(settings);
    await waitForApi({ url, ca, token: settings.token }, processes, READY_WITHIN_MS);
  };
  const stopApiServer = () => processes.end('kube-apiserver', 0);
  const [data, copy] = [join(folder, 'etcd'), join(folder, 'backup')];
  const withoutEtcd = async (act: () => void) => {
    await stopApiServer();
    await processes.end('etcd', 10_000);
    act();
    startEtcd(settings);
    await startApiServer();
  };
  const stop = async () => {
    process.removeListener('exit', wipe);
    try {
      for (const name of ['kube-apiserver', 'etcd']) await processes.end(name, 0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  try {
    startEtcd(settings);
    await startApiServer();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    token: settings.token,
    caFile: caFileOf(folder),
    ca,
    kubeconfig,
    stateDir: folder,
    auditLog: audit === 'Metadata' ? auditLogOf(folder) : undefined,
    kubectl: (args, kubectlOptions = {}) => runKubectl(programs['kubectl'] ?? 'kubectl', folder, args, kubectlOptions),
    stopApiServer,
    startApiServer,
    restartApiServer: async () => {
      await stopApiServer();
      await startApiServer();
    },
    backUp: () => withoutEtcd(() => cpSync(data, copy, { recursive: true })),
    restore: () =>
      withoutEtcd(() => {
        rmSync(data, { recursive: true });
        cpSync(copy, data, { recursive: true });
      }),
    stop,
  };
}

/** kubectl with the kubeconfig and the discovery cache of one state folder. */
export function runKubectl(
  program: string,
  folder: string,
  args: readonly string[],
  options: KubectlOptions,
): Promise<Outcome> {
  const cache = join(folder, 'kubectl-cache');
  mkdirSync(cache, { recursive: true });
  return run([program, ...args], {
    ...options,
    env: { KUBECONFIG: join(folder, 'kubeconfig'), KUBECACHEDIR: cache },
  });
}

/** A port on loopback that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

/** Removes the folders of owners that were killed; their processes died with them. */
function removeDeadFolders(): void {
  for (const entry of readdirSync(tmpdir())) {
    if (!entry.startsWith(PREFIX)) continue;
    const folder = join(tmpdir(), entry);
    try {
      const owner = JSON.parse(readFileSync(join(folder, 'owner'), 'utf8')) as ProcessRecord;
      if (!isRunning(owner)) rmSync(folder, { recursive: true, force: true });
    } catch {
      // Not written yet, or somebody else's folder: not ours to judge.
    }
  }
}
