// docs/reference/rbac.md against the roles that the chart renders: both say the same, right by right. Needs helm, no API server.
import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { CHART, runHelm } from './helm.ts';

interface Role {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
}

const PAGE = readFileSync('docs/reference/rbac.md', 'utf8');

/** All roles of the chart, under every value that changes them. */
async function renderRoles(): Promise<readonly Role[]> {
  const roles: Role[] = [];
  for (const value of ['Refuse', 'Force']) {
    const argv = ['template', 'operator', CHART, '--set', `uninstall.whilePodsAttached=${value}`];
    const { code, stdout, stderr } = await runHelm(argv);
    if (code !== 0) throw new Error(stderr);
    const objects = parseAllDocuments(stdout).map((document) => document.toJS() as Role);
    roles.push(...objects.filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role'));
  }
  return roles;
}

/** `Role name: verb resource.group [names]`, one per right. */
function rightsOf({ kind, metadata, rules }: Role): readonly string[] {
  return rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.map((verb) => {
          const where = `${resource}${group === '' ? '' : `.${group}`}`;
          return `${kind} ${metadata.name}: ${verb} ${where} [${resourceNames.join(', ')}]`;
        }),
      ),
    ),
  );
}

interface Row {
  readonly role: string;
  readonly resource: string;
  readonly verbs: readonly string[];
  readonly only: string;
  readonly why: string;
  readonly usedBy: string;
}

function rowsOf(page: string): readonly Row[] {
  return page.split('\n## ').flatMap((section) => {
    const role = section.split('\n')[0] ?? '';
    const lines = section.split('\n').filter((line) => line.startsWith('| `'));
    return lines.map((line) => {
      const [, resource = '', verbs = '', only = '', why = '', usedBy = ''] = line
        .split('|')
        .map((cell) => cell.trim());
      const plain = (text: string) => text.replaceAll('`', '');
      return {
        role,
        resource: plain(resource),
        verbs: verbs.split(', '),
        only: plain(only),
        why,
        usedBy: plain(usedBy),
      };
    });
  });
}

describe('the page on rights', () => {
  const rows = rowsOf(PAGE);
  let roles: readonly Role[];

  beforeAll(async () => {
    roles = await renderRoles();
  }, 600_000);

  test('has every right that the chart grants, and no other', () => {
    const written = rows.flatMap(({ role, resource, verbs, only }) =>
      verbs.map((verb) => `${role}: ${verb} ${resource} [${only}]`),
    );
    expect(new Set(written).size).toBe(written.length);
    expect(written.toSorted()).toEqual([...new Set(roles.flatMap(rightsOf))].toSorted());
  });

  test.each(rows)('says of $role why $verbs on $resource, and which file uses it', ({ why, usedBy }) => {
    expect(why).toMatch(/^[A-Z].*\.$/);
    expect(existsSync(usedBy)).toBe(true);
  });

  test('can say that there are no wildcards, and no Secrets outside of the own namespace', () => {
    const rights = roles.flatMap(rightsOf);
    expect(rights.join('\n')).not.toContain('*');
    expect(rights.filter((right) => right.startsWith('ClusterRole') && right.includes('secrets'))).toEqual([]);
  });

  test('can say that no role is bound to anybody but its own account, and no account has another role', async () => {
    const { stdout } = await runHelm(['template', 'operator', CHART, '-n', 'ours']);
    const bindings = parseAllDocuments(stdout)
      .map((document) => document.toJS() as Binding)
      .filter(({ kind }) => kind === 'ClusterRoleBinding' || kind === 'RoleBinding');
    const bound = bindings.map(({ kind, roleRef, subjects }) => [
      kind.replace('Binding', ''),
      roleRef.kind,
      roleRef.name,
      ...subjects.map((subject) => `${subject.kind} ${subject.namespace}/${subject.name}`),
    ]);
    expect(bound.toSorted()).toEqual([
      ['ClusterRole', 'ClusterRole', 'macvlan-agent', 'ServiceAccount ours/macvlan-agent'],
      ['ClusterRole', 'ClusterRole', 'macvlan-controller', 'ServiceAccount ours/macvlan-controller'],
      ['ClusterRole', 'ClusterRole', 'macvlan-uninstall', 'ServiceAccount ours/macvlan-uninstall'],
      ['Role', 'Role', 'macvlan-controller', 'ServiceAccount ours/macvlan-controller'],
    ]);
  });
});

interface Binding {
  readonly kind: string;
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects: readonly { readonly kind: string; readonly name: string; readonly namespace: string }[];
}
