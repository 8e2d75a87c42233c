// etcd and kube-apiserver, in the machine's own network (control plane alone) or in a namespace of a cluster: same flags, same files.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Programs } from './binaries.ts';
import { type Authority, createAuthority, createSigningKey } from './pki.ts';
import type { Processes, StartOptions } from './processes.ts';

/** One more account that the API server knows by a bearer token. */
export interface TokenUser {
  readonly token: string;
  readonly user: string;
  readonly groups?: readonly string[];
}

export interface ApiServerSettings {
  /** State folder; pki/, etcd/ and the audit log are kept in it. */
  readonly folder: string;
  readonly programs: Programs;
  readonly processes: Processes;
  readonly life: StartOptions['life'];
  /** Put before each command: how to enter the namespace in which it is to run. */
  readonly enter: readonly string[];
  readonly bindAddress: string;
  readonly port: number;
  readonly advertiseAddress: string;
  /** What the certificate is good for besides localhost and the address of the Service `kubernetes`. */
  readonly names: readonly string[];
  readonly token: string;
  readonly users: readonly TokenUser[];
  readonly audit: 'Metadata' | 'None';
  readonly extraArgs: readonly string[];
}

/** The address of the Service `kubernetes`: the first of the Service range. */
export const SERVICE_ADDRESS = '10.96.0.1';
const SERVICE_RANGE = '10.96.0.0/16';

export function auditLogOf(folder: string): string {
  return join(folder, 'audit.log');
}

export function caFileOf(folder: string): string {
  return join(folder, 'pki/ca.crt');
}

/** Writes keys, certificates, tokens and the audit policy. The authority's key is never written. */
export function writeCredentials(settings: ApiServerSettings): Authority {
  const pki = join(settings.folder, 'pki');
  mkdirSync(pki, { recursive: true, mode: 0o700 });
  chmodSync(pki, 0o700);
  const authority = createAuthority('macvlan-operator-test');
  const server = authority.issue({
    commonName: 'kube-apiserver',
    organization: 'system:masters', // it is also what the API server shows to kubelets, for logs and exec
    names: ['127.0.0.1', SERVICE_ADDRESS, 'localhost', 'kubernetes.default.svc', ...settings.names],
  });
  const signing = createSigningKey();
  const files = {
    'ca.crt': authority.cert,
    'api.crt': server.cert,
    'api.key': server.key,
    'sa.key': signing.privateKey,
    'sa.pub': signing.publicKey,
    'tokens.csv': tokensFor(settings.token, settings.users),
    'audit.json': auditPolicy(),
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(pki, file), text, { mode: 0o600 });
  return authority;
}

/** The file of bearer tokens: an admin's, and those of others. */
export function tokensFor(adminToken: string, users: readonly TokenUser[]): string {
  const admin: TokenUser = { token: adminToken, user: 'admin', groups: ['system:masters'] };
  const line = ({ token, user, groups = [] }: TokenUser) => `${token},${user},${user},"${groups.join(',')}"\n`;
  return [admin, ...users].map(line).join('');
}

/** The audit policy: who asked for what, and how it ended. */
export function auditPolicy(): string {
  return JSON.stringify({
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [{ level: 'Metadata' }],
  });
}

/** etcd on a UNIX socket, without fsync: a test cluster does not outlive the machine. */
export function startEtcd(settings: ApiServerSettings): void {
  const { folder, programs } = settings;
  const nowhere = 'unix://peer:1'; // nobody asks there; must look like host:port, becomes a file in the state folder
  const argv = [
    ...settings.enter,
    programs['etcd'] ?? 'etcd',
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=unix://${join(folder, 'etcd.sock')}`,
    `--advertise-client-urls=${nowhere}`,
    `--listen-peer-urls=${nowhere}`,
    `--initial-advertise-peer-urls=${nowhere}`,
    `--initial-cluster=default=${nowhere}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
  settings.processes.start('etcd', argv, { life: settings.life });
}

export function startKubeApiServer(settings: ApiServerSettings): void {
  const { folder, programs } = settings;
  const pki = join(folder, 'pki');
  const audit = [`--audit-policy-file=${pki}/audit.json`, `--audit-log-path=${auditLogOf(folder)}`];
  const argv = [
    ...settings.enter,
    programs['kube-apiserver'] ?? 'kube-apiserver',
    `--etcd-servers=unix://${join(folder, 'etcd.sock')}`,
    `--bind-address=${settings.bindAddress}`,
    `--secure-port=${settings.port}`,
    `--advertise-address=${settings.advertiseAddress}`,
    `--tls-cert-file=${pki}/api.crt`,
    `--tls-private-key-file=${pki}/api.key`,
    `--client-ca-file=${pki}/ca.crt`,
    `--token-auth-file=${pki}/tokens.csv`,
    `--service-account-key-file=${pki}/sa.pub`,
    `--service-account-signing-key-file=${pki}/sa.key`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    '--kubelet-preferred-address-types=InternalIP',
    `--kubelet-client-certificate=${pki}/api.crt`,
    `--kubelet-client-key=${pki}/api.key`,
    ...(settings.audit === 'Metadata' ? audit : []),
    ...settings.extraArgs,
  ];
  settings.processes.start('kube-apiserver', argv, { life: settings.life });
}

/** How to ask the API server something from this process. */
export interface Endpoint {
  readonly url: string;
  readonly ca: string;
  readonly token: string;
}

/** Waits until the API server says it is ready and the namespace `default` is there; throws with its last words when it ends. */
export async function waitForApi(endpoint: Endpoint, processes: Processes, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (const path of ['/readyz', '/api/v1/namespaces/default']) {
    while ((await statusOf(endpoint, path)) !== 200) {
      for (const name of ['etcd', 'kube-apiserver']) {
        if (processes.running(name) === undefined) throw new Error(`${name} ended:\n${processes.lastWords(name)}`);
      }
      if (performance.now() > deadline) {
        throw new Error(`kube-apiserver is not ready after ${timeoutMs} ms:\n${processes.lastWords('kube-apiserver')}`);
      }
      await sleep(50);
    }
  }
}

/** Status of a GET; 0 when nothing answered. */
export function statusOf(endpoint: Endpoint, path: string): Promise<number> {
  return new Promise((resolve) => {
    const asked = request(
      `${endpoint.url}${path}`,
      { ca: endpoint.ca, agent: false, headers: { authorization: `Bearer ${endpoint.token}` }, timeout: 2000 },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(0));
    asked.end();
  });
}
