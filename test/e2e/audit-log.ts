// The API server's audit log against the roles in the chart: which grants were used, and which requests were refused.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { kubeJson, OPERATOR_NAMESPACE, type World } from './world.ts';

/** One kind of request, with the worst answer it got. */
export interface Use {
  readonly account: string;
  readonly verb: string;
  /** `group/plural[/subresource]`; the core group is empty. */
  readonly resource: string;
  readonly code: number;
}

interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly apiGroup?: string; readonly resource?: string; readonly subresource?: string };
  readonly responseStatus?: { readonly code?: number; readonly message?: string };
}

/** Every kind of request that accounts with this prefix made. Requests for paths without a resource do not count. */
export async function usesIn(auditLog: string, userPrefix: string): Promise<readonly Use[]> {
  const uses = new Map<string, Use>();
  for await (const line of createInterface({ input: createReadStream(auditLog) })) {
    if (!line.includes(userPrefix)) continue;
    for (const use of usesOf(JSON.parse(line) as AuditEvent, userPrefix)) {
      uses.set(`${use.account} ${use.verb} ${use.resource} ${refused(use)}`, use);
    }
  }
  return [...uses.values()];
}

/** An apply that makes the object is written down as a patch, and needs the right to create as well. */
function usesOf({ stage, verb, user, objectRef, responseStatus }: AuditEvent, userPrefix: string): readonly Use[] {
  if (!user.username.startsWith(userPrefix) || objectRef?.resource === undefined) return [];
  if (stage !== 'ResponseComplete' && stage !== 'ResponseStarted') return [];
  // Nobody may make anything in a namespace that is being deleted, and an event may come while it is: no right is missing.
  if (responseStatus?.message?.includes('because it is being terminated')) return [];
  const { apiGroup = '', resource, subresource } = objectRef;
  const code = responseStatus?.code ?? 0;
  const verbs = verb === 'patch' && code === 201 ? ['patch', 'create'] : [verb];
  return verbs.map((one) => ({
    account: user.username.slice(userPrefix.length),
    verb: one,
    resource: `${apiGroup}/${resource}${subresource === undefined ? '' : `/${subresource}`}`,
    code,
  }));
}

function refused(use: Use): boolean {
  return use.code === 401 || use.code === 403;
}

export interface Role {
  readonly rules: readonly {
    readonly apiGroups?: readonly string[];
    readonly resources?: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

/** Grants (`account verb group/resource`) in the operator's roles that no request used. */
export async function unusedGrants(world: World, uses: readonly Use[]): Promise<readonly string[]> {
  const used = new Set(uses.map((use) => `${use.account} ${use.verb} ${use.resource}`));
  const unused = new Set<string>();
  for (const account of ['macvlan-controller', 'macvlan-agent']) {
    for (const role of await rolesOf(world, account)) {
      for (const grant of grantsOf(role)) if (!used.has(`${account} ${grant}`)) unused.add(`${account} ${grant}`);
    }
  }
  return [...unused].sort();
}

/** `verb group/resource` of everything that a role grants. */
export function grantsOf(role: Role): readonly string[] {
  return role.rules.flatMap((rule) =>
    (rule.apiGroups ?? []).flatMap((group) =>
      (rule.resources ?? []).flatMap((resource) => rule.verbs.map((verb) => `${verb} ${group}/${resource}`)),
    ),
  );
}

interface Binding {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[];
}

async function rolesOf(world: World, account: string): Promise<readonly Role[]> {
  const roles: Role[] = [];
  for (const kind of ['clusterrolebindings', 'rolebindings']) {
    const scope = kind === 'rolebindings' ? ['-n', OPERATOR_NAMESPACE] : [];
    const bindings = await kubeJson<{ items: readonly Binding[] }>(world, [...scope, 'get', kind]);
    for (const binding of bindings.items) {
      const bound = binding.subjects?.some(
        (subject) => subject.name === account && subject.namespace === OPERATOR_NAMESPACE,
      );
      if (bound !== true) continue;
      const roleScope = binding.roleRef.kind === 'Role' ? ['-n', OPERATOR_NAMESPACE] : [];
      roles.push(await kubeJson<Role>(world, [...roleScope, 'get', binding.roleRef.kind, binding.roleRef.name]));
    }
  }
  return roles;
}
