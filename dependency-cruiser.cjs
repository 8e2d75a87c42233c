// Who may import whom. Read top to bottom: api <- domain <- processes -> kernel.
const only = (name, from, allowed) => ({ name, severity: 'error', from: { path: from }, to: { pathNot: allowed } });

module.exports = {
  forbidden: [
    only('api-imports-nothing', '^src/api/', ['^src/api/']),
    only('domain-is-pure', '^src/domain/', ['^src/domain/', '^src/api/']),
    {
      name: 'kernel-knows-no-product',
      severity: 'error',
      from: { path: '^src/kernel/' },
      to: { path: '^src/', pathNot: ['^src/kernel/', '^src/api/kube\\.ts$'] },
    },
    {
      // But for netlink, which the DHCP supervisor speaks in the pods' namespaces as the agent does.
      name: 'processes-are-strangers',
      severity: 'error',
      from: { path: '^src/(controller|agent|dhcp|cli)/' },
      to: { path: '^src/(controller|agent|dhcp|cli|codegen)/', pathNot: '^src/$1/|^src/agent/netlink/' },
    },
    {
      name: 'netlink-on-the-nodes-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(agent|dhcp)/' },
      to: { path: '^src/agent/netlink/' },
    },
    {
      name: 'client-node-behind-one-door',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/kernel/kube/config\\.ts$' },
      to: { path: 'node_modules/@kubernetes/client-node' },
    },
    {
      name: 'agent-never-loads-client-node',
      severity: 'error',
      from: { path: '^src/agent/' },
      to: { path: 'node_modules/@kubernetes/client-node', reachable: true },
    },
    {
      name: 'http-only-in-kernel',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/kernel/' },
      to: { path: '^(node:)?(http|https|http2|net|tls)$|node_modules/undici' },
    },
    {
      // One process starts another: the supervisor of the stock DHCP daemon. It has no rights in the cluster, and starts that one
      // program, by its path in the image, without a shell.
      name: 'no-shell-anywhere',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/dhcp/(daemon|plugin)\\.ts$' },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'only-mains-touch-the-process',
      severity: 'error',
      from: { path: '^src/', pathNot: '(/main\\.ts|/options\\.ts|^src/kernel/process/)' },
      to: { path: '^(node:)?process$' },
    },
    { name: 'no-cycles', severity: 'error', from: { path: '^src/' }, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { path: '^src/', orphan: true, pathNot: '(/main\\.ts$|\\.d\\.ts$)' },
      to: {},
    },
    { name: 'src-never-imports-test', severity: 'error', from: { path: '^src/' }, to: { path: '^test/' } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
