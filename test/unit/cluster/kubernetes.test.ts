import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  DEFAULT_KUBERNETES,
  hasMutatingPolicies,
  KUBERNETES_VERSIONS,
  kubernetesRelease,
} from '../../cluster/kubernetes.ts';
import { asWritten } from '../../e2e/gate.ts';

describe('the Kubernetes of the test cluster', () => {
  test('is the default one unless something else is named', () => {
    expect(kubernetesRelease('').minor).toBe(DEFAULT_KUBERNETES);
  });

  test.each(['1.3', '1.99', '2', '../1.36', 'constructor'])(
    '%s is refused with the list of those that there are',
    (minor) => {
      expect(() => kubernetesRelease(minor)).toThrow('choose one of 1.34, 1.35, 1.36, 1.37');
    },
  );

  test.each(Object.entries(KUBERNETES_VERSIONS))('%s is pinned at %s, staging modules too', (minor, version) => {
    const { folder } = kubernetesRelease(minor);
    const pins = readFileSync(join(folder, 'go.mod'), 'utf8');
    expect(pins).toContain(`k8s.io/kubernetes v${version}`);
    expect(pins).toContain(`replace k8s.io/apiserver => k8s.io/apiserver v0.${version.slice(2)}`);
    expect(existsSync(join(folder, 'go.sum'))).toBe(true);
  });

  test('has policies that add the gate from 1.36 on', () => {
    const having = Object.keys(KUBERNETES_VERSIONS).filter((minor) => hasMutatingPolicies(kubernetesRelease(minor)));
    expect(having).toEqual(['1.36', '1.37']);
  });

  test('without them, a pod that asks is written with gate and label, and keeps its own labels', () => {
    const pod = { metadata: { labels: { app: 'web' } }, spec: { containers: [] } };
    expect(asWritten(pod, false)).toBe(pod);
    expect(asWritten(pod, true)).toEqual({
      metadata: { labels: { app: 'web', 'macvlan.dev/gated': 'true' } },
      spec: { containers: [], schedulingGates: [{ name: 'macvlan.dev/identity' }] },
    });
  });
});
