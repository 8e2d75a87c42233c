// Times as the API server reads them.

/** RFC 3339 with six digits, which is the only form that Lease and Event times take. `ms` is Unix time. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
