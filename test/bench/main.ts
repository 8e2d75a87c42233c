// `make bench`: measures, prints a table with ratios, and writes docs/benchmarks.md with the machine and the versions.
// `node test/bench/main.ts attachments scale` measures only that, and writes nothing.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { etcd, kubernetes } from '../cluster/tools.ts';
import { agentRows } from './agent-rows.ts';
import { attachmentRows } from './attachments.bench.ts';
import { harmlessRows } from './harmless.bench.ts';
import { identityRows } from './identity.bench.ts';
import { parentRows } from './parent.bench.ts';
import { repairRows } from './repair.bench.ts';
import { type Row, table } from './rows.ts';
import { scaleRows } from './scale.bench.ts';
import { shimRows } from './shim-rows.ts';

const MEASURES: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  attachments: attachmentRows,
  scale: scaleRows,
  identity: identityRows,
  harmless: harmlessRows,
  shim: shimRows,
  parent: parentRows,
  repair: repairRows,
  agent: agentRows,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => MEASURES[name] === undefined);
if (unknown.length > 0) {
  console.error(`nothing to measure: ${unknown.join(', ')} (there are ${Object.keys(MEASURES).join(', ')})`);
  process.exit(2);
}

const [load = 0] = loadavg();
const rows: Row[] = [];
for (const [name, measure] of Object.entries(MEASURES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const started = performance.now();
  const measured = await measure();
  console.log(`\n${name}, ${((performance.now() - started) / 1000).toFixed(0)} s\n${table(measured)}`);
  rows.push(...measured);
}
const missed = rows.filter((row) => !row.met).length;
console.log(`\n${rows.length} rows, ${missed} missed`);
if (wanted.length === 0) writeFileSync('docs/benchmarks.md', page());

function page(): string {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `# Benchmarks

Written by \`make bench\`. Machines differ and are noisy: read the ratios. The floor of a row is what a plain client needs for the same
writes (or, for links, what the same netlink messages need without the agent) in the same run on the same API server or kernel.
Without a floor the ratio is measured / target, except for the cost of one attachment, which is compared with the first such row.
The controller runs with the flags of the chart and with a pod's credentials; it, etcd, the API server and the bench share the cores.
What the targets are held against, and what is the floor of memory: [decision 34](decisions/0034-what-speed-and-memory-are-held-against.md).

- macvlan-operator ${version}, Node ${process.versions.node}, Kubernetes ${kubernetes.version}, etcd ${etcd.version}
- ${machine}, Linux ${release()}; load average ${load.toFixed(1)} before the start, by other work on the machine
- ${new Date().toISOString().slice(0, 10)}

${table(rows)}
`;
}
