// The control plane of a cluster with nodes: in a namespace that is also the hub of the management network.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ApiServerSettings,
  caFileOf,
  startEtcd,
  startKubeApiServer,
  waitForApi,
  writeCredentials,
} from './api-server.ts';
import type { Programs } from './binaries.ts';
import { insideCgroup } from './cgroups.ts';
import { startForwarder } from './forwarder.ts';
import type { Instance } from './instance.ts';
import { kubeconfigFor } from './kubeconfig.ts';
import { createSpace, harnessCgroup, inside, ipBatch, type Space, setSysctls } from './namespaces.ts';
import type { Authority } from './pki.ts';
import type { Processes } from './processes.ts';
import { API_PORT, CONTROL_ADDRESS } from './topology.ts';

export interface Control {
  readonly space: Space;
  readonly authority: Authority;
  /** Port of the API on the machine's loopback. */
  readonly port: number;
  /** Resolves when the API server is ready. */
  readonly ready: Promise<void>;
}

const READY_WITHIN_MS = 60_000;

/** Makes the hub and starts etcd, kube-apiserver and the way to it from outside; does not wait for them. */
export async function startControl(
  instance: Instance,
  processes: Processes,
  programs: Programs,
  extraArgs: readonly string[],
): Promise<Control> {
  const space = await createSpace(instance, processes, 'cp');
  const enter = (argv: readonly string[]) => insideCgroup(harnessCgroup(instance), inside(space, argv));
  const settings: ApiServerSettings = {
    folder: instance.folder,
    programs,
    processes,
    life: 'Detached',
    enter: enter([]),
    bindAddress: '0.0.0.0',
    port: API_PORT,
    advertiseAddress: CONTROL_ADDRESS,
    names: [CONTROL_ADDRESS],
    token: randomBytes(16).toString('hex'),
    users: [],
    audit: 'Metadata',
    extraArgs,
  };
  const authority = writeCredentials(settings);
  startEtcd(settings);
  await ipBatch(space, [
    'link set lo up',
    'link add mgmt type bridge',
    `address add ${CONTROL_ADDRESS}/24 dev mgmt`,
    'link set mgmt up',
  ]);
  startKubeApiServer(settings);
  await setSysctls(space, { 'net.ipv4.ip_forward': '1' });
  const { port, pid } = await startForwarder(enter, API_PORT, processes.logOf('forwarder'));
  processes.adopt('forwarder', pid);
  const url = `https://127.0.0.1:${port}`;
  const admin = kubeconfigFor({ server: url, ca: authority.cert, user: { token: settings.token } });
  writeFileSync(join(instance.folder, 'kubeconfig'), admin, { mode: 0o600 });
  const ready = waitForApi({ url, ca: authority.cert, token: settings.token }, processes, READY_WITHIN_MS);
  ready.catch(() => {}); // told to whoever awaits it
  return { space, authority, port, ready };
}

/** The controllers and the scheduler, each with an account of its own. */
export function startControllers(instance: Instance, processes: Processes, programs: Programs, control: Control): void {
  const pki = join(instance.folder, 'pki');
  const kubeconfig = (user: string) => {
    const path = join(pki, `${user}.kubeconfig`);
    const issued = control.authority.issue({ commonName: `system:${user}` });
    const server = `https://127.0.0.1:${API_PORT}`;
    writeFileSync(path, kubeconfigFor({ server, ca: control.authority.cert, user: issued }), { mode: 0o600 });
    return path;
  };
  const start = (name: string, args: readonly string[]) => {
    const argv = [programs[name] ?? name, `--kubeconfig=${kubeconfig(name)}`, '--leader-elect=false', ...args];
    const inControl = insideCgroup(harnessCgroup(instance), inside(control.space, argv));
    processes.start(name, inControl, { life: 'Detached' });
  };
  // At the default rate the controllers need seconds for the accounts that each of them gets.
  const common = ['--bind-address=127.0.0.1', '--kube-api-qps=500', '--kube-api-burst=1000'];
  start('kube-controller-manager', [
    `--service-account-private-key-file=${pki}/sa.key`,
    `--root-ca-file=${caFileOf(instance.folder)}`,
    '--use-service-account-credentials',
    '--controllers=*,-node-ipam-controller',
    `--flex-volume-plugin-dir=${join(instance.folder, 'volume-plugins')}`, // else one is made in /usr/libexec
    ...common,
  ]);
  start('kube-scheduler', common);
}
