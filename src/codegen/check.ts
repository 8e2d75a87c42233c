// Holds a finished schema against the rules of structural schemas and our own, so that no API server has to find the mistake.
import type { StructuralSchema } from './structural.ts';

type Check = (schema: StructuralSchema, path: string) => string | undefined;

/** The list is the documentation: what each schema and sub-schema must satisfy. */
const checks: readonly Check[] = [
  typeIsKnown,
  everyFieldIsDescribed,
  requiredFieldsExist,
  mapListsHaveRequiredKeys,
  propertiesAndAdditionalExclude,
  stringsUnderRulesAreBounded,
  listsAboveRulesAreBounded,
  defaultsFit,
];

/** All violations, as `path: what is wrong`; none for a schema that is good. */
export function checkStructural(schema: StructuralSchema, path = ''): readonly string[] {
  const own = checks.flatMap((check) => {
    const complaint = check(schema, path);
    return complaint === undefined ? [] : [`${path || '.'}: ${complaint}`];
  });
  return [...own, ...childrenOf(schema).flatMap(([step, child]) => checkStructural(child, path + step))];
}

function childrenOf(schema: StructuralSchema): readonly (readonly [string, StructuralSchema])[] {
  const properties = Object.entries(schema.properties ?? {}).map(([name, child]) => [`.${name}`, child] as const);
  const items = schema.items === undefined ? [] : [['[]', schema.items] as const];
  const values = schema.additionalProperties === undefined ? [] : [['{}', schema.additionalProperties] as const];
  return [...properties, ...items, ...values];
}

const TYPES = ['object', 'array', 'string', 'integer', 'boolean'];

function typeIsKnown({ type }: StructuralSchema): string | undefined {
  return TYPES.includes(type) ? undefined : `type ${type} is not one of ${TYPES.join(', ')}`;
}

/** `kubectl explain` is the documentation that everybody has at hand. */
function everyFieldIsDescribed({ properties = {} }: StructuralSchema, path: string): string | undefined {
  const bare = Object.entries(properties).filter(
    ([name, child]) => !child.description && !(path === '' && name === 'metadata'),
  );
  return bare.length === 0 ? undefined : `no description: ${bare.map(([name]) => `${path}.${name}`).join(', ')}`;
}

function requiredFieldsExist({ properties = {}, required = [] }: StructuralSchema): string | undefined {
  const missing = required.filter((name) => !(name in properties));
  return missing.length === 0 ? undefined : `required but not there: ${missing.join(', ')}`;
}

/** Server-side apply tells entries apart by their keys, so every entry must have them. */
function mapListsHaveRequiredKeys(schema: StructuralSchema): string | undefined {
  if (schema['x-kubernetes-list-type'] !== 'map') return undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const required = schema.items?.required ?? [];
  if (keys.length === 0) return 'a list of type map needs @listMapKeys';
  return keys.every((key) => required.includes(key)) ? undefined : 'the keys of a map list must be required fields';
}

function propertiesAndAdditionalExclude(schema: StructuralSchema): string | undefined {
  const both = schema.properties !== undefined && schema.additionalProperties !== undefined;
  return both ? 'properties and additionalProperties exclude each other' : undefined;
}

/** The API server multiplies the cost of a rule by the largest input that it has to expect. */
function stringsUnderRulesAreBounded(schema: StructuralSchema): string | undefined {
  const unbounded = schema.type === 'string' && schema['x-kubernetes-validations'] && schema.maxLength === undefined;
  return unbounded ? 'a string with a rule needs @maxLength' : undefined;
}

function listsAboveRulesAreBounded(schema: StructuralSchema): string | undefined {
  if (schema.items && schema.maxItems === undefined && holdsRule(schema.items)) {
    return 'a list with rules inside needs @maxItems';
  }
  if (schema.additionalProperties && schema.maxProperties === undefined && holdsRule(schema.additionalProperties)) {
    return 'a map with rules inside needs @maxProperties';
  }
  return undefined;
}

function holdsRule(schema: StructuralSchema): boolean {
  return schema['x-kubernetes-validations'] !== undefined || childrenOf(schema).some(([, child]) => holdsRule(child));
}

function defaultsFit(schema: StructuralSchema): string | undefined {
  if (schema.default === undefined) return undefined;
  if (schema.enum !== undefined && !schema.enum.includes(schema.default)) return 'the default is not one of the values';
  const actual = Array.isArray(schema.default) ? 'array' : typeof schema.default;
  const expected = schema.type === 'integer' ? 'number' : schema.type;
  return actual === expected ? undefined : `the default is of type ${actual}, not ${schema.type}`;
}
