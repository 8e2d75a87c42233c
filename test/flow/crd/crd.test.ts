// The CustomResourceDefinitions as a real API server takes them: what it accepts, fills in, refuses, explains and prints.
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { useControlPlane } from '../../support/control-plane.ts';
import { runOrThrow } from '../../support/run.ts';
import { acceptances } from './acceptances.ts';
import { refusals } from './refusals.ts';

const plane = useControlPlane();

interface Crd {
  readonly metadata: { readonly name: string };
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

function attachment(name: string, spec: object = {}): string {
  return JSON.stringify({
    apiVersion: 'macvlan.dev/v1alpha1',
    kind: 'MacvlanAttachment',
    metadata: { name },
    spec: { namespaces: { names: ['home'] }, ipam: { type: 'DHCP' }, ...spec },
  });
}

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await plane().kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

beforeAll(async () => {
  await kubectl('apply', '-f', 'crds');
  await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
  for (const namespace of ['home', 'media']) await kubectl('create', 'namespace', namespace);
  // The kinds are served a moment after they are established.
  await kubectl('wait', '--for=create', 'apiservice/v1alpha1.macvlan.dev', '--timeout=30s');
}, 60_000);

describe('the CustomResourceDefinitions', () => {
  test('are established, and no condition complains about a schema', async () => {
    const { items } = JSON.parse(await kubectl('get', 'crd', '-o', 'json')) as { items: readonly Crd[] };
    const names = items.map(({ metadata }) => metadata.name);
    expect(names.sort()).toEqual([
      'macvlanattachments.macvlan.dev',
      'macvlanclaims.macvlan.dev',
      'macvlanidentities.macvlan.dev',
      'macvlannodestates.macvlan.dev',
    ]);
    for (const { status } of items) {
      const conditions = Object.fromEntries(status.conditions.map((condition) => [condition.type, condition.status]));
      expect(conditions).toEqual({ NamesAccepted: 'True', Established: 'True' });
    }
  });

  test('have short names and a category', async () => {
    const resources = await kubectl('api-resources', '--categories=macvlan', '--no-headers');
    expect(resources).toMatch(/^macvlanattachments\s+mva\s+macvlan\.dev\/v1alpha1\s+false\s+MacvlanAttachment$/m);
    expect(resources).toMatch(/^macvlannodestates\s+mvn\s+macvlan\.dev\/v1alpha1\s+false\s+MacvlanNodeState$/m);
  });
});

describe('the examples', () => {
  test.each(readdirSync('examples'))('%s is accepted as it is', async (file) => {
    const applied = await kubectl('apply', '-f', `examples/${file}`);
    expect(applied).toMatch(/(created|configured|unchanged)$/m);
  });
});

describe('what the user left out', () => {
  test('is filled in: the NIC of the default route, mode bridge, no host access', async () => {
    await plane().kubectl(['apply', '-f', '-'], {
      input: attachment('defaults', { ipam: { type: 'DHCP', dhcp: {} } }),
    });
    const { spec } = JSON.parse(await kubectl('get', 'mva', 'defaults', '-o', 'json')) as { spec: unknown };
    expect(spec).toEqual({
      namespaces: { names: ['home'] },
      parents: [{ interface: { defaultRoute: 'IPv4' } }],
      mode: 'bridge',
      ipam: { type: 'DHCP', dhcp: { clientId: 'MAC', hostName: 'PodName', daemon: { type: 'Managed' } } },
      hostAccess: { type: 'None' },
      pins: 'Deny',
      repair: { type: 'Report' },
      macFilterProbe: { type: 'None' },
      placement: { type: 'Ignore' },
      cniVersion: '1.0.0',
    });
  });
});

describe('what a CNI plugin reads', () => {
  test('is kept as it was written, keys that nobody here knows included', async () => {
    const config = { type: 'whereabouts', range: '192.0.2.0/24', nested: [{ a: null, b: [1, true, 'x'] }] };
    const chain = [{ type: 'tuning', sysctl: { 'net.ipv4.conf.IFNAME.arp_announce': '2' } }, { type: 'sbr' }];
    const input = attachment('plugins', { ipam: { type: 'Raw', raw: { config } }, chain });
    const created = await plane().kubectl(['create', '-f', '-'], { input });
    expect(created).toMatchObject({ code: 0 });
    const { spec } = JSON.parse(await kubectl('get', 'mva', 'plugins', '-o', 'json')) as {
      spec: { ipam: { raw: { config: unknown } }; chain: unknown };
    };
    expect(spec.ipam.raw.config).toEqual(config);
    expect(spec.chain).toEqual(chain);
  });
});

describe('a MacvlanAttachment', () => {
  test.each(refusals.map((refusal) => [refusal.what, refusal] as const))(
    'is refused for %s',
    async (_what, refusal) => {
      const input = attachment(refusal.name ?? 'lan', refusal.spec);
      const { code, stderr } = await plane().kubectl(['create', '--dry-run=server', '-f', '-'], { input });
      expect(code).not.toBe(0);
      for (const sentence of refusal.says) expect(stderr).toContain(sentence);
    },
  );

  test.each(Object.entries(acceptances))('is accepted with %s', async (_, spec) => {
    const input = attachment('accepted', spec);
    const answer = await plane().kubectl(['create', '--dry-run=server', '-f', '-'], { input });
    expect(answer).toMatchObject({ code: 0, stderr: '' });
  });

  test('may have the longest name, the shortest name and a name of digits', async () => {
    for (const name of ['l'.repeat(63), 'l', '2024']) {
      const { code, stderr } = await plane().kubectl(['create', '--dry-run=server', '-f', '-'], {
        input: attachment(name),
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
  });

  test('keeps its status apart from its spec', async () => {
    const input = JSON.stringify({ ...JSON.parse(attachment('split')), status: { phase: 'Active' } });
    await plane().kubectl(['create', '-f', '-'], { input });
    const created = JSON.parse(await kubectl('get', 'mva', 'split', '-o', 'json')) as object;
    expect(created).not.toHaveProperty('status');
  });

  test('prints what one wants to know first, and the reason with -o wide', async () => {
    await plane().kubectl(['create', '-f', '-'], { input: attachment('printed') });
    const status = {
      phase: 'Active',
      summary: '1/2',
      pods: { attached: 3 },
      alias: 'mva-printed',
      conditions: [
        {
          type: 'Ready',
          status: 'False',
          reason: 'ParentMissing',
          message: 'No NIC of node-b matches.',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    };
    const patch = JSON.stringify({ status });
    await kubectl('patch', 'mva', 'printed', '--subresource=status', '--type=merge', '-p', patch);
    const [head = '', row = ''] = (await kubectl('get', 'mva', 'printed')).split('\n');
    expect(head.split(/\s+/)).toEqual(['NAME', 'READY', 'NODES', 'PHASE', 'IPAM', 'PODS', 'AGE']);
    expect(row.split(/\s+/).slice(0, 6)).toEqual(['printed', 'False', '1/2', 'Active', 'DHCP', '3']);
    const wide = await kubectl('get', 'mva', 'printed', '-o', 'wide');
    for (const text of ['ParentMissing', 'No NIC of node-b matches.', 'mva-printed', 'bridge'])
      expect(wide).toContain(text);
  });
});

describe('kubectl explain', () => {
  /** kubectl wraps at the terminal's width; sentences are compared without line ends. */
  const explain = async (path: string) => (await kubectl('explain', path)).replaceAll(/\s+/g, ' ');

  test('tells in whole sentences which NIC is taken', async () => {
    const text = await explain('macvlanattachment.spec.parents');
    expect(text).toContain(
      'Which NIC of a node carries this LAN. The first entry whose nodeSelector matches the node decides; its interface ' +
        'facts must single out exactly one NIC there. Default: on every node the NIC of the IPv4 default route.',
    );
    expect(text).toContain('interface <Object> -required- What must be true of the NIC; all given facts must hold.');
    expect(text).toContain('nodeSelector <map[string]string> Node labels, all of which must match');
  });

  test('shows the allowed values of a choice', async () => {
    expect(await explain('mva.spec.mode')).toContain('ENUM: bridge private vepa passthru');
  });

  test('explains what an agent reports, too', async () => {
    expect(await explain('mvn.status.attachments.incarnation')).toContain('Which device, in which boot');
  });
});

test('nothing generated is out of date', async () => {
  await expect(runOrThrow([process.execPath, 'src/codegen/main.ts', '--check'])).resolves.toContain('up to date');
  expect(readFileSync('crds/macvlan.dev_macvlanattachments.yaml', 'utf8')).toContain('do not edit');
}, 60_000);
