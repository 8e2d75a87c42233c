// `make compatibility`: the e2e suite on each Kubernetes that is pinned, one after another; writes down what was run and how it ended.
// Usage: node test/compatibility.ts [minor version …]   (default: all; rows of versions that were not run stay as they are)
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hasMutatingPolicies, KUBERNETES_VERSIONS, kubernetesRelease } from './cluster/kubernetes.ts';

const PAGE = 'docs/reference/compatibility.md';
const CLUSTERS = ['netns', 'kind'];

const HEAD = `# Kubernetes versions

What was run, and how it ended: \`make compatibility\` runs the e2e suite (real nodes, kubelet, containerd, CNI plugins) on each
version, whose binaries are built from their own Go modules, and writes this page. \`K8S=1.35 make test-e2e\` runs one.

The gate that holds a pod until its identity is bound comes from a MutatingAdmissionPolicy, which Kubernetes serves as v1 from 1.36
on. On older versions the template of the pod has the gate and the label itself, as the tests write it there and as the chart's notes
say; everything else is the same.

| Kubernetes | cluster | the gate comes from | tests passed | failed | skipped | run on |
| --- | --- | --- | --- | --- | --- | --- |
`;

interface Row {
  readonly minor: string;
  readonly cluster: string;
  readonly text: string;
}

const wanted = process.argv.slice(2);
const minors = wanted.length > 0 ? wanted : Object.keys(KUBERNETES_VERSIONS);
for (const minor of minors) kubernetesRelease(minor); // an unknown one is said before anything runs
const cluster = process.env['CLUSTER'] || 'netns';

let isAllWell = true;
for (const minor of minors) {
  const row = await rowOf(minor);
  isAllWell &&= / passed, 0 failed/.test(row.said);
  writePage({ minor, cluster, text: row.text });
}
process.exitCode = isAllWell ? 0 : 1;

async function rowOf(minor: string): Promise<{ text: string; said: string }> {
  const release = kubernetesRelease(minor);
  console.log(`\n==> Kubernetes ${release.version}`);
  const said = await lastLineOf(minor);
  const [, passed = '0', failed = '?', skipped = '0'] =
    /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(said) ?? [];
  const gate = hasMutatingPolicies(release) ? 'the chart' : 'the pod template';
  const day = new Date().toISOString().slice(0, 10);
  const text = `| ${release.version} | ${cluster} | ${gate} | ${passed} | ${failed} | ${skipped} | ${day} |`;
  return { text, said };
}

/** Runs the suite, shows what it prints, and gives its closing line of counts. */
async function lastLineOf(minor: string): Promise<string> {
  const child = spawn(process.execPath, ['test/run.ts', 'e2e'], {
    env: { ...process.env, K8S: minor },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk);
    text += chunk.toString();
  });
  await new Promise((resolve) => child.on('close', resolve));
  return text.trimEnd().split('\n').at(-1) ?? '';
}

/** The rows of the page, with this one new or in the place of an older one. */
function writePage(row: Row): void {
  const known = (existsSync(PAGE) ? readFileSync(PAGE, 'utf8').split('\n') : []).flatMap((text): readonly Row[] => {
    const [, minor, kind] = /^\| (\d+\.\d+)\.\d+ \| (\w+) \|/.exec(text) ?? [];
    return minor === undefined || kind === undefined ? [] : [{ minor, cluster: kind, text }];
  });
  const others = known.filter((other) => other.minor !== row.minor || other.cluster !== row.cluster);
  const rows = [...others, row].sort((a, b) => placeOf(a) - placeOf(b));
  writeFileSync(PAGE, `${HEAD}${rows.map(({ text }) => text).join('\n')}\n`);
}

function placeOf({ minor, cluster: kind }: Row): number {
  return CLUSTERS.indexOf(kind) * 1000 + Object.keys(KUBERNETES_VERSIONS).indexOf(minor);
}
