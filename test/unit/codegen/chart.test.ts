import { describe, expect, test } from '@jest/globals';
import { chartReadme, crdTemplate, escapeBraces, valuesTable } from '../../../src/codegen/chart.ts';

describe('the CRDs as a template', () => {
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.test' },
    spec: { description: 'write {{name}}' },
  } as const;

  test('can be switched off, stay after an uninstall, and print braces as they are', () => {
    const text = crdTemplate([crd, crd]);
    expect(text.split('\n')[0]).toBe('{{- if .Values.crds.install }}');
    expect(text.endsWith('{{- end }}\n')).toBe(true);
    expect(text.match(/helm\.sh\/resource-policy: keep/g)).toHaveLength(2);
    expect(text).toContain(`description: ${escapeBraces('write {{name}}')}`);
    expect(text.match(/^---$/gm)).toHaveLength(1);
  });

  test('escape both kinds of braces', () => {
    expect(escapeBraces('{{a}} {b}')).toBe('{{ "{{" }}a{{ "}}" }} {b}');
  });
});

describe('the table of values', () => {
  test('has a row for each value, with the comment above it, and none for a group', () => {
    const yaml = 'a:\n  # First | of two\n  # lines.\n  b: 1\n  # A map.\n  c: {}\n# Top.\nd: ""\n';
    expect(valuesTable(yaml).split('\n').slice(2)).toEqual([
      '| `a.b` | `1` | First \\| of two lines. |',
      '| `a.c` | `{}` | A map. |',
      '| `d` | `""` | Top. |',
    ]);
  });

  test('refuses a value that nobody described', () => {
    expect(() => valuesTable('# Known.\na: 1\nb: 2\n')).toThrow('b has no comment');
  });

  test('replaces the old table and nothing else of the README', () => {
    const readme = 'before\n<!-- values: generated -->\nold\n<!-- end of values -->\nafter\n';
    const once = chartReadme(readme, '# One.\na: 1\n');
    expect(once).toMatch(
      /^before\n<!-- values: generated -->\n\n\| value[\s\S]*`a`[\s\S]*<!-- end of values -->\nafter\n$/,
    );
    expect(once).not.toContain('old');
    expect(chartReadme(once, '# One.\na: 1\n')).toBe(once);
  });

  test('needs its place in the README', () => {
    expect(() => chartReadme('no table', 'a: 1')).toThrow('no place');
  });
});
