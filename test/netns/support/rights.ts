// Commands for programs with fewer rights than root has, to be put before the program's own.

/** Root with these capabilities at most, such as `+net_admin`, which nothing that it starts can exceed. */
export function limitedTo(capabilities: readonly string[]): readonly string[] {
  return ['setpriv', '--bounding-set', ['-all', ...capabilities].join(), '--inh-caps', '-all'];
}

/** Somebody who is not root and has no rights at all. */
export const NOBODY: readonly string[] = [
  ...['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
  ...['--bounding-set=-all', '--inh-caps=-all'],
];
