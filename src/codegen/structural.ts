// Second step of the generator: JSON Schema → the structural OpenAPI v3 schema that an API server accepts in a CRD.
import type { ValidationRule } from './kinds.ts';
import type { TypeSchema, TypeSchemas } from './schema.ts';

/** A schema as a CustomResourceDefinition holds it. */
export interface StructuralSchema {
  type: string;
  description?: string;
  format?: string;
  default?: unknown;
  enum?: readonly unknown[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  nullable?: boolean;
  properties?: Record<string, StructuralSchema>;
  required?: readonly string[];
  items?: StructuralSchema;
  additionalProperties?: StructuralSchema;
  'x-kubernetes-preserve-unknown-fields'?: true;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-validations'?: readonly ValidationRule[];
}

/** Keywords that mean the same on both sides. */
const SAME = [
  'description',
  'format',
  'default',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
] as const;

/** Keywords that are read below, or that say nothing to an API server. */
const READ = new Set<string>([
  ...SAME,
  ...['$ref', 'type', 'const', 'enum', 'properties', 'required', 'items', 'additionalProperties'],
  ...['validation', 'listType', 'listMapKeys', 'preserveUnknownFields'],
]);

const REF = '#/definitions/';

/**
 * Inlines every named type and translates what differs. Throws, naming the field, at a type that a CRD cannot express: the
 * author of the type has to say it in another way.
 */
export function toStructural(schemas: TypeSchemas): StructuralSchema {
  return new Converter(schemas.definitions).convert(schemas.root, '', []);
}

class Converter {
  readonly #definitions: TypeSchemas['definitions'];

  constructor(definitions: TypeSchemas['definitions']) {
    this.#definitions = definitions;
  }

  convert(raw: TypeSchema, path: string, inside: readonly string[]): StructuralSchema {
    if (raw.$ref !== undefined) return this.#inline(raw, raw.$ref, path, inside);
    refuseUnknownKeywords(raw, path);
    const out: StructuralSchema = { ...pick(raw), ...typeOf(raw, path) };
    if (raw.enum !== undefined) out.enum = raw.enum.filter((value) => value !== null);
    if (raw.const !== undefined) out.enum = [raw.const];
    this.#addChildren(out, raw, path, inside);
    if (raw.preserveUnknownFields === true) out['x-kubernetes-preserve-unknown-fields'] = true;
    if (raw.listType !== undefined) out['x-kubernetes-list-type'] = raw.listType;
    if (raw.listMapKeys !== undefined) out['x-kubernetes-list-map-keys'] = raw.listMapKeys;
    const rules = rulesOf(raw);
    if (rules.length > 0) out['x-kubernetes-validations'] = rules;
    return out;
  }

  /** What is said where the type is used goes before what the type says of itself; rules of both hold. */
  #inline(raw: TypeSchema, ref: string, path: string, inside: readonly string[]): StructuralSchema {
    const name = decodeURIComponent(ref.slice(REF.length));
    const target = this.#definitions[name];
    if (target === undefined) throw new Error(`${path || '.'}: type ${name} is not defined`);
    if (inside.includes(name)) throw new Error(`${path}: type ${name} contains itself, which a CRD cannot express`);
    const { $ref: _, ...here } = raw;
    const rules = [...rulesOf(target), ...rulesOf(here)];
    const merged = { ...target, ...here, ...(rules.length > 0 ? { validation: rules } : {}) };
    return this.convert(merged, path, [...inside, name]);
  }

  #addChildren(out: StructuralSchema, raw: TypeSchema, path: string, inside: readonly string[]): void {
    if (raw.properties !== undefined) {
      const entries = Object.entries(raw.properties);
      out.properties = Object.fromEntries(
        entries.map(([name, child]) => [name, this.convert(child, `${path}.${name}`, inside)]),
      );
      if (raw.required !== undefined && raw.required.length > 0) out.required = raw.required;
    }
    if (raw.items !== undefined) {
      if (isTuple(raw.items)) throw new Error(`${path}: a tuple is not expressible in a CRD; use an object`);
      out.items = this.convert(raw.items, `${path}[]`, inside);
      // `kubectl explain` would run both into one paragraph; what the list says of its entries is the better half.
      if (out.description !== undefined) delete out.items.description;
    }
    if (typeof raw.additionalProperties === 'object' && raw.preserveUnknownFields !== true) {
      out.additionalProperties = this.convert(raw.additionalProperties, `${path}{}`, inside);
    }
  }
}

function isTuple(items: TypeSchema | readonly TypeSchema[]): items is readonly TypeSchema[] {
  return Array.isArray(items);
}

function pick(raw: TypeSchema): Partial<StructuralSchema> {
  return Object.fromEntries(SAME.filter((key) => raw[key] !== undefined).map((key) => [key, raw[key]]));
}

function typeOf(raw: TypeSchema, path: string): { type: string; nullable?: true } {
  const all = [raw.type ?? []].flat();
  const types = all.filter((type) => type !== 'null');
  const [type] = types;
  if (type === undefined || types.length > 1) throw new Error(`${path}: exactly one type is needed, not a union`);
  if (type === 'number') throw new Error(`${path}: say @asType integer; fractions do not survive every client`);
  return all.length > 1 ? { type, nullable: true } : { type };
}

function rulesOf(raw: TypeSchema): readonly ValidationRule[] {
  return raw.validation === undefined ? [] : [raw.validation].flat();
}

function refuseUnknownKeywords(raw: TypeSchema, path: string): void {
  const unknown = Object.keys(raw).filter((key) => !READ.has(key));
  if (unknown.length > 0) throw new Error(`${path || '.'}: not expressible in a CRD: ${unknown.join(', ')}`);
}
