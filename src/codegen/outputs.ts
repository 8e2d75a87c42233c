// Everything that is generated, in one list: which file, from what.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aspectOf } from '../domain/attachment/problem-order.ts';
import { IDENTITY_PROBLEMS, IDENTITY_REASONS } from '../domain/identity/reason.ts';
import { PROBLEMS, REASONS } from '../domain/problem.ts';
import { chartReadme, crdTemplate } from './chart.ts';
import { crdFor, formatYaml, type GeneratedKind, generateKind } from './crd.ts';
import { EVENT_SECTIONS, eventsReference } from './events-reference.ts';
import { KINDS } from './kinds.ts';
import { metricsReference } from './metrics-reference.ts';
import { apiReference, problemsReference } from './reference.ts';

/** A generated file: its path from the checkout's root, and its whole text. */
export interface Output {
  readonly path: string;
  readonly text: string;
}

const REASON_TABLES = {
  problems: PROBLEMS,
  reasons: { ...REASONS, ...IDENTITY_REASONS },
  conditionOf: aspectOf,
  identityProblems: IDENTITY_PROBLEMS,
};
const CHART = 'charts/macvlan-operator';

/** All generated files of the checkout at `root`. The same sources give the same bytes. */
export async function generateOutputs(root: string): Promise<readonly Output[]> {
  const kinds = KINDS.map((definition) => generateKind(definition, root));
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  return [
    ...kinds.map(crdFile),
    { path: `${CHART}/templates/crds.yaml`, text: crdTemplate(kinds.map(crdFor)) },
    { path: `${CHART}/README.md`, text: chartReadme(read(`${CHART}/README.md`), read(`${CHART}/values.yaml`)) },
    { path: 'docs/reference/api.md', text: apiReference(kinds) },
    { path: 'docs/reference/events.md', text: eventsReference(EVENT_SECTIONS) },
    { path: 'docs/reference/metrics.md', text: await metricsReference() },
    { path: 'docs/reference/problems.md', text: problemsReference(REASON_TABLES) },
  ];
}

function crdFile(kind: GeneratedKind): Output {
  const crd = crdFor(kind);
  const [plural = '', ...group] = crd.metadata.name.split('.');
  return {
    path: `crds/${group.join('.')}_${plural}.yaml`,
    text: `# Generated from ${kind.definition.source} by \`make generate\`; do not edit.\n${formatYaml(crd)}`,
  };
}
