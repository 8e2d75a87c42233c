// The controller under measurement: as the chart runs it (flags, environment, a pod's credentials), and what can be read of it.
import { readFileSync } from 'node:fs';
import type { ControlPlane } from '../support/control-plane.ts';
import { type ControllerProcess, startControllerProcess } from '../support/controller-process.ts';

const CHART = 'charts/macvlan-operator/templates/controller.yaml';
const TICKS_PER_SECOND = 100; // what Linux counts a process' time in, whatever the kernel's own rate

/** Starts dist/controller.mjs with the flags for Node that the chart's command has. */
export function startBenchController(
  plane: ControlPlane,
  options: { readonly account?: 'Pod' | 'Kubeconfig'; readonly token?: string } = {},
): Promise<ControllerProcess> {
  const { flags, env } = chartCommand();
  // Other flags than the chart's, to compare: BENCH_FLAGS='--max-semi-space-size=1 --no-opt'.
  const tried = process.env['BENCH_FLAGS']?.split(' ').filter((flag) => flag !== '');
  return startControllerProcess({
    podName: 'bench-0',
    namespace: 'kube-system',
    server: plane.url,
    ca: plane.ca,
    token: options.token ?? plane.token,
    account: options.account ?? 'Pod',
    program: 'dist/controller.mjs',
    flags: tried ?? flags,
    env: { ...env, LOG_LEVEL: 'warn' },
  });
}

/** Flags for Node and settings for malloc, as in the Deployment: what is measured is what is shipped. */
export function chartCommand(): { readonly flags: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  const text = readFileSync(CHART, 'utf8');
  const command = /- \/usr\/local\/bin\/node\n((?:\s+- --.*\n)*)\s+- \/app\/controller\.mjs/.exec(text)?.[1];
  if (command === undefined) throw new Error(`${CHART} has no command that starts the controller`);
  const flags = [...command.matchAll(/- (--\S+)/g)].map(([, flag = '']) => flag);
  const malloc = [...text.matchAll(/- name: (MALLOC_\w+)\n\s+value: "(\w+)"/g)];
  const env = Object.fromEntries(malloc.map(([, name = '', value = '']) => [name, value]));
  return { flags, env };
}

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib ?? Number.NaN) / 1024;
}

/** User and system time that a process has used, in milliseconds. */
export function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1000;
}
