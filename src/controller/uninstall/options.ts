// What the uninstall hook is told by the chart: environment variables, read once at the start.
import process from 'node:process';
import type { WhilePodsAttached } from '../../domain/attachment/uninstall.ts';

export interface UninstallOptions {
  /** The operator's own namespace, for what is said. */
  readonly namespace: string;
  readonly whilePodsAttached: WhilePodsAttached;
  /** How long all of it may take, in milliseconds; default 240 s, which is less than Helm's own patience. */
  readonly timeoutMs: number;
  readonly kubeconfig: string | undefined;
}

/** Reads the environment. Throws when a value makes no sense. */
export function parseUninstallOptions(
  env: Readonly<Record<string, string | undefined>> = process.env,
): UninstallOptions {
  const whilePodsAttached = env['WHILE_PODS_ATTACHED'] || 'Refuse';
  if (whilePodsAttached !== 'Refuse' && whilePodsAttached !== 'Force') {
    throw new Error(`WHILE_PODS_ATTACHED is neither Refuse nor Force: ${whilePodsAttached}`);
  }
  const seconds = Number(env['TIMEOUT_SECONDS'] || 240);
  if (!Number.isInteger(seconds) || seconds < 1) {
    throw new Error(`TIMEOUT_SECONDS is no number of seconds: ${env['TIMEOUT_SECONDS']}`);
  }
  return {
    namespace: env['POD_NAMESPACE'] || 'macvlan-system',
    whilePodsAttached,
    timeoutMs: seconds * 1000,
    kubeconfig: env['KUBECONFIG'] || undefined,
  };
}
