// Third step of the generator: a kind's definition and its schema → the CustomResourceDefinition.
import { stringify } from 'yaml';
import { GROUP, VERSION } from '../api/names.ts';
import { checkStructural } from './check.ts';
import { CATEGORY, type KindDefinition } from './kinds.ts';
import { readTypeSchema, type TypeSchema } from './schema.ts';
import { type StructuralSchema, toStructural } from './structural.ts';

/** A CustomResourceDefinition with one version, as far as this generator writes it. */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: object;
}

/** A kind with its finished schema: what the CRD, the chart and the reference page are made from. */
export interface GeneratedKind {
  readonly definition: KindDefinition;
  readonly schema: StructuralSchema;
}

/** Reads the kind's type and makes its schema. Throws with all violations when the schema is not one that a CRD may hold. */
export function generateKind(definition: KindDefinition, root: string): GeneratedKind {
  const { kind } = definition.kind;
  const types = readTypeSchema(`${root}/${definition.source}`, kind, `${root}/tsconfig.json`);
  const schema = withObjectFields(toStructural({ ...types, root: withoutObjectFields(types.root) }), definition);
  const violations = checkStructural(schema);
  if (violations.length > 0) throw new Error(`${definition.source}: ${kind}\n  ${violations.join('\n  ')}`);
  return { definition, schema };
}

/** The API server owns apiVersion, kind and metadata; a CRD may describe them but not constrain them. */
function withoutObjectFields(type: TypeSchema): TypeSchema {
  const { apiVersion: _v, kind: _k, metadata: _m, ...properties } = type.properties ?? {};
  return { ...type, properties, required: (type.required ?? []).filter((name) => name in properties) };
}

function withObjectFields(schema: StructuralSchema, { kind, rules: more }: KindDefinition): StructuralSchema {
  const rules = [...(schema['x-kubernetes-validations'] ?? []), ...more];
  return {
    ...schema,
    properties: {
      apiVersion: { type: 'string', description: `Group and version of the API: ${GROUP}/${VERSION}.` },
      kind: { type: 'string', description: `The kind of this object: ${kind.kind}.` },
      metadata: { type: 'object' }, // the API server refuses even a description here
      ...schema.properties,
    },
    ...(rules.length > 0 ? { 'x-kubernetes-validations': rules } : {}),
  };
}

/** The kind's CustomResourceDefinition. */
export function crdFor({ definition, schema }: GeneratedKind): CustomResourceDefinition {
  const { kind, plural, namespaced } = definition.kind;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: definition.shortNames,
        categories: [CATEGORY],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: definition.columns,
          schema: { openAPIV3Schema: schema },
        },
      ],
    },
  };
}

/** YAML with whole sentences on one line and no anchors, so that a diff shows what changed. */
export function formatYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
