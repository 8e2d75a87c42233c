// Everything that is generated, in one list: which file, from what.
import { type CustomResourceDefinition, crdFor, formatYaml, type GeneratedKind, generateKind } from './crd.ts';
import { KINDS } from './kinds.ts';

/** A generated file: its path from the checkout's root, and its whole text. */
export interface Output {
  readonly path: string;
  readonly text: string;
}

/** All generated files of the checkout at `root`. The same sources give the same bytes. */
export function generateOutputs(root: string): readonly Output[] {
  const kinds = KINDS.map((definition) => generateKind(definition, root));
  return [...kinds.map(crdFile)];
}

function crdFile(kind: GeneratedKind): Output {
  const crd: CustomResourceDefinition = crdFor(kind);
  const [plural = '', ...group] = crd.metadata.name.split('.');
  return {
    path: `crds/${group.join('.')}_${plural}.yaml`,
    text: `# Generated from ${kind.definition.source} by \`make generate\`; do not edit.\n${formatYaml(crd)}`,
  };
}
