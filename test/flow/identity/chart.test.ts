// When the chart has the gate: only where the API server can put it on, and nobody switched it off.
import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { CHART, runHelm } from '../chart/helm.ts';

const SERVED = ['--api-versions', 'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy'];

async function kindsWith(...args: readonly string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await runHelm(['template', 'operator', CHART, ...args]);
  if (code !== 0) throw new Error(stderr);
  const documents = parseAllDocuments(stdout).map((document) => document.toJS());
  return documents.filter((document) => document !== null).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
}

const gatesOf = (kinds: readonly string[]) => kinds.filter((kind) => kind.startsWith('MutatingAdmissionPolicy/'));

describe('the gate', () => {
  test('is there on a cluster that serves such policies, for pods that ask and for namespaces that do', async () => {
    expect(gatesOf(await kindsWith(...SERVED))).toEqual([
      'MutatingAdmissionPolicy/macvlan-identity-pod',
      'MutatingAdmissionPolicy/macvlan-identity-namespace',
    ]);
  });

  test('is not there on an older cluster, nor where it is switched off', async () => {
    expect(gatesOf(await kindsWith())).toEqual([]);
    expect(gatesOf(await kindsWith(...SERVED, '--set', 'identity.gate.enabled=false'))).toEqual([]);
  });

  test('has no parameters, which would refuse every pod while their kind is missing', async () => {
    const { stdout } = await runHelm(['template', 'operator', CHART, ...SERVED]);
    expect(stdout).not.toContain('paramKind');
    expect(stdout).not.toContain('paramRef');
  });
});

describe('the policies about pods with an identity', () => {
  const ours = (kinds: readonly string[]) =>
    kinds.filter((kind) => /^ValidatingAdmissionPolicy\/.*(identity|pod|pins|binding|isolation)/.test(kind)).toSorted();

  test('are there with the other policies, and go with them', async () => {
    const always = [
      'controller-own-pods',
      'identity-deployment',
      'identity-owners',
      'identity-pod',
      'identity-release',
      'identity-status',
      'pod-marks',
      'raw-pins',
      'raw-pins-template',
      'scheduler-binding',
    ];
    const named = (names: readonly string[]) => names.map((name) => `ValidatingAdmissionPolicy/macvlan-${name}`);
    expect(ours(await kindsWith())).toEqual(named(always));
    expect(ours(await kindsWith('--set', 'isolation.type=Namespace'))).toEqual(
      named([...always, 'isolation'].toSorted()),
    );
    expect(ours(await kindsWith('--set', 'guards.rawPins=Allow'))).toEqual(
      named(always.filter((name) => !name.startsWith('raw-pins'))),
    );
    expect(ours(await kindsWith('--set', 'policies.install=false'))).toEqual([]);
  });
});
