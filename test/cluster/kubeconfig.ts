// A kubeconfig as JSON (which is YAML), whole in one file: no path in it can break.

export interface KubeconfigFacts {
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly user: { readonly token: string } | { readonly cert: string; readonly key: string };
}

export function kubeconfigFor(facts: KubeconfigFacts): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const { user } = facts;
  const credentials =
    'token' in user
      ? { token: user.token }
      : { 'client-certificate-data': base64(user.cert), 'client-key-data': base64(user.key) };
  const cluster = { server: facts.server, 'certificate-authority-data': base64(facts.ca) };
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster }],
      users: [{ name: 'test', user: credentials }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    },
    undefined,
    2,
  )}\n`;
}
