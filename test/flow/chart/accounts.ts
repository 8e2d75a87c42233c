// Tokens as the kubelet would mount them, and what the API server's audit log says about those who used them.
import { readFileSync } from 'node:fs';
import type { ControlPlane } from '../../support/control-plane.ts';

/** Namespace of the operator in the chart's tests. */
export const NAMESPACE = 'macvlan-system';

async function output(plane: ControlPlane, args: readonly string[], object?: object): Promise<string> {
  const options = object === undefined ? {} : { input: JSON.stringify(object) };
  const { code, stdout, stderr } = await plane.kubectl(args, options);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

/** A token of an account that is bound to no pod, and so to no node. */
export function tokenOf(plane: ControlPlane, account: string): Promise<string> {
  return output(plane, ['-n', NAMESPACE, 'create', 'token', account]);
}

/** A token of the agent's account that was made for a pod on this node; makes both if they are not there. */
export async function agentTokenOn(plane: ControlPlane, node: string): Promise<string> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `agent-${node}`, namespace: NAMESPACE },
    spec: { serviceAccountName: 'macvlan-agent', nodeName: node, containers: [{ name: 'agent', image: 'none' }] },
  };
  const apply = ['apply', '--server-side', '-f', '-'];
  await output(plane, apply, { apiVersion: 'v1', kind: 'Node', metadata: { name: node } });
  await output(plane, apply, pod);
  const bound = ['--bound-object-kind=Pod', `--bound-object-name=agent-${node}`];
  return output(plane, ['-n', NAMESPACE, 'create', 'token', 'macvlan-agent', ...bound]);
}

interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly responseStatus?: { readonly code: number };
}

/** All requests of an account as `code verb path`, in the order in which they were answered. */
export function requestsOf({ auditLog = '' }: ControlPlane, account: string): readonly string[] {
  const lines = readFileSync(auditLog, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ user }) => user.username === `system:serviceaccount:${NAMESPACE}:${account}`)
    .map(({ verb, requestURI, responseStatus }) => `${responseStatus?.code} ${verb} ${requestURI}`);
}
