// `make bench`: measures, prints a table with ratios, and writes docs/benchmarks.md with the machine and the versions.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { attachmentRows } from './attachments.bench.ts';
import { type Row, table } from './rows.ts';
import { shimRows } from './shim-rows.ts';

const rows: Row[] = [];
for (const measure of [attachmentRows, shimRows]) rows.push(...(await measure()));
console.log(`\n${table(rows)}`);

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
writeFileSync(
  'docs/benchmarks.md',
  `# Benchmarks

Written by \`make bench\`. Machines differ and are noisy: read the ratios. The floor of a row is what a plain client needs for the same
writes (or, for links, what the same netlink messages need without the agent) in the same run on the same API server or kernel.

- macvlan-operator ${version}, Node ${process.versions.node}, Kubernetes 1.36.3, etcd 3.6.16
- ${machine}
- ${new Date().toISOString().slice(0, 10)}

${table(rows)}
`,
);
