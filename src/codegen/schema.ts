// First step of the generator: TypeScript types → JSON Schema, exactly as ts-json-schema-generator reads them.
import { createGenerator } from 'ts-json-schema-generator';
import type { ValidationRule } from './kinds.ts';

/** A schema as it comes from the types: draft 7, plus the tags of our own that the post-processor turns into extensions. */
export interface TypeSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, TypeSchema>>;
  readonly required?: readonly string[];
  readonly items?: TypeSchema | readonly TypeSchema[];
  readonly additionalProperties?: boolean | TypeSchema;
  readonly validation?: ValidationRule | readonly ValidationRule[];
  readonly listType?: string;
  readonly listMapKeys?: readonly string[];
  readonly preserveUnknownFields?: boolean;
  readonly [keyword: string]: unknown;
}

/** The schema of one type, with every named type that it uses kept under its name. */
export interface TypeSchemas {
  readonly root: TypeSchema;
  readonly definitions: Readonly<Record<string, TypeSchema>>;
}

/** JSDoc tags of our own; their values are JSON. */
const TAGS = ['validation', 'listType', 'listMapKeys', 'preserveUnknownFields'];

/** Reads the schema of `type` as declared in `path`. Throws when the file does not declare it. */
export function readTypeSchema(path: string, type: string, tsconfig: string): TypeSchemas {
  // Type checking is left to `npm run lint`; without it one kind takes half a second.
  const generator = createGenerator({
    path,
    type,
    tsconfig,
    expose: 'all',
    topRef: true,
    jsDoc: 'extended',
    sortProps: false,
    skipTypeCheck: true,
    additionalProperties: false,
    extraTags: TAGS,
  });
  const schema = generator.createSchema(type);
  // The library's type is draft 7 alone; what it returns also holds the tags that it was told to keep.
  const definitions = (schema.definitions ?? {}) as unknown as Readonly<Record<string, TypeSchema>>;
  const root = definitions[type];
  if (root === undefined) throw new Error(`${path} does not declare ${type}`);
  return { root, definitions };
}
