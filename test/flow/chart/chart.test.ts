// The chart on a real API server: installed, upgraded, uninstalled.
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { useControlPlane } from '../../support/control-plane.ts';
import { NAMESPACE } from './accounts.ts';
import { CHART, runHelm } from './helm.ts';

const plane = useControlPlane();

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await plane().kubectl(args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

function apply(object: object, ...more: string[]) {
  return plane().kubectl(['apply', '--server-side', '-f', '-', ...more], { input: JSON.stringify(object) });
}

function helm(...args: string[]) {
  return runHelm(args, plane().kubeconfig);
}

beforeAll(async () => {
  const { code, stderr } = await helm('install', 'operator', CHART, '-n', NAMESPACE, '--create-namespace');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}, 600_000);

describe('the chart', () => {
  test('says what to do next', async () => {
    const { stdout } = await helm('get', 'notes', 'operator', '-n', NAMESPACE);
    expect(stdout).toContain('kind: MacvlanAttachment');
    expect(stdout).toContain('k8s.v1.cni.cncf.io/networks: lan');
    expect(stdout).toContain('Multus is not installed yet');
  });

  test('has notes whose attachment the API server accepts', async () => {
    const { stdout } = await helm('get', 'notes', 'operator', '-n', NAMESPACE);
    const manifest = /<<END\n([\s\S]*?)END/.exec(stdout)?.[1] ?? '';
    const { code, stdout: created } = await plane().kubectl(['create', '--dry-run=server', '-f', '-'], {
      input: manifest.replaceAll(/^ {2}/gm, ''),
    });
    expect({ code, created }).toEqual({
      code: 0,
      created: 'macvlanattachment.macvlan.dev/lan created (server dry run)\n',
    });
  });

  test('is upgraded with other values', async () => {
    const set = ['--set', 'controller.replicas=1', '--set', 'metrics.service.enabled=true'];
    const { code, stderr } = await helm('upgrade', 'operator', CHART, '-n', NAMESPACE, ...set);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const objects = await kubectl('-n', NAMESPACE, 'get', 'service,pdb', '-o', 'name');
    expect(objects).toBe('service/macvlan-controller-metrics\n');
  });

  test('warns when the namespace would keep the agent out', async () => {
    const label = 'pod-security.kubernetes.io/enforce';
    await kubectl('label', 'namespace', NAMESPACE, `${label}=restricted`);
    const { stdout } = await helm('upgrade', 'operator', CHART, '-n', NAMESPACE);
    await kubectl('label', 'namespace', NAMESPACE, `${label}-`);
    expect(stdout).toContain('WARNING: the namespace enforces the Pod Security level "restricted"');
  });

  test('gives the controller a pod that even the strictest Pod Security level takes', async () => {
    const deployment = JSON.parse(
      await kubectl('-n', NAMESPACE, 'get', 'deployment', 'macvlan-controller', '-o', 'json'),
    );
    await kubectl('create', 'namespace', 'strict');
    await kubectl('label', 'namespace', 'strict', 'pod-security.kubernetes.io/enforce=restricted');
    const { serviceAccountName: _, ...spec } = deployment.spec.template.spec;
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'controller', namespace: 'strict' }, spec };
    const { code, stderr } = await apply(pod);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('leaves the CustomResourceDefinitions when it is uninstalled, and takes them up again', async () => {
    await helm('uninstall', 'operator', '-n', NAMESPACE, '--no-hooks'); // no kubelet runs the hook here
    const left = await kubectl('get', 'crd,clusterrole,validatingadmissionpolicy', '-o', 'name');
    const ours = left.split('\n').filter((name) => name.includes('macvlan'));
    expect(ours).toEqual([
      'customresourcedefinition.apiextensions.k8s.io/macvlanattachments.macvlan.dev',
      'customresourcedefinition.apiextensions.k8s.io/macvlanclaims.macvlan.dev',
      'customresourcedefinition.apiextensions.k8s.io/macvlanidentities.macvlan.dev',
      'customresourcedefinition.apiextensions.k8s.io/macvlannodestates.macvlan.dev',
    ]);
    const { code, stderr } = await helm('install', 'operator', CHART, '-n', NAMESPACE);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

test('the CustomResourceDefinitions that stayed are taken over by a release of another name where Helm is told so', async () => {
  await helm('uninstall', 'operator', '-n', NAMESPACE, '--no-hooks');
  const other = ['install', 'other', CHART, '-n', 'elsewhere', '--create-namespace'];
  expect((await helm(...other)).stderr).toContain('invalid ownership metadata');
  const { code, stderr } = await helm(...other, '--take-ownership');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('the templates of the CRDs print exactly the generated CRDs', async () => {
  const { stdout } = await runHelm(['template', 'operator', CHART, '--show-only', 'templates/crds.yaml']);
  const printed = parseAllDocuments(stdout).map((document) => document.toJS());
  const files = readdirSync('crds').map((file) => readFileSync(`crds/${file}`, 'utf8'));
  const generated = files.map((text) => parseAllDocuments(text)[0]?.toJS());
  const byName = (crds: readonly { readonly metadata: { readonly name: string }; readonly spec: object }[]) =>
    Object.fromEntries(crds.map(({ metadata, spec }) => [metadata.name, spec]));
  expect(byName(printed)).toEqual(byName(generated));
  expect(printed.map(({ metadata }) => metadata.annotations['helm.sh/resource-policy'])).toEqual(Array(4).fill('keep'));
});
