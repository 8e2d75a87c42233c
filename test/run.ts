// `make test`: runs the suites one after another and ends with one line of counts. A suite is a folder under test/.
// Usage: node test/run.ts [suite …]   (default: all but those that have to be named, cheapest first)
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chosenProvider } from './cluster/providers.ts';

interface Suite {
  readonly folders: readonly string[];
  readonly workers: number;
  /** Longer than this it may not run. */
  readonly minutes: number;
  /** What it costs, for a suite that runs only when it is named. */
  readonly onlyNamed?: string;
  /** Runs on Debian's kernel, in a virtual machine. */
  readonly inMachine?: true;
}

/** A cluster in kind takes four times as long to come up. */
const E2E_MINUTES = { netns: 25, kind: 60 };

/** Suites in order of price. Those that share the kernel or the machine's cores run one file at a time. */
const SUITES: Readonly<Record<string, Suite>> = {
  unit: { folders: ['test/unit', 'test/golden', 'test/property'], workers: 2, minutes: 10 },
  flow: { folders: ['test/flow'], workers: 1, minutes: 30 },
  netns: { folders: ['test/netns'], workers: 1, minutes: 40 },
  image: { folders: ['test/image'], workers: 1, minutes: 20 },
  e2e: { folders: ['test/e2e'], workers: 1, minutes: E2E_MINUTES[chosenProvider()] },
  kind: { folders: ['test/kind'], workers: 1, minutes: 30, onlyNamed: 'the e2e suite in kind: make test-kind' },
  vm: {
    folders: ['test/vm'],
    workers: 1,
    minutes: 30,
    onlyNamed: "VLANs, bonds, Wi-Fi and network cards on Debian's kernel: make test-vm",
    inMachine: true,
  },
};

interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numFailedTestSuites: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => SUITES[name] === undefined);
if (unknown.length > 0) {
  console.error(`no such suite: ${unknown.join(', ')} (there are ${Object.keys(SUITES).join(', ')})`);
  process.exit(2);
}

const total: Count = { passed: 0, failed: 0, skipped: 0 };
for (const [name, suite] of Object.entries(SUITES)) {
  if (wanted.length > 0 ? !wanted.includes(name) : suite.onlyNamed !== undefined) continue;
  const folders = suite.folders.filter((folder) => existsSync(folder));
  if (folders.length === 0) continue;
  console.log(`\n==> ${name}: ${folders.join(' ')}`);
  const started = Date.now();
  const count = await runJest(name, folders, suite);
  console.log(
    `==> ${name}: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped in ${((Date.now() - started) / 1000).toFixed(0)} s`,
  );
  total.passed += count.passed;
  total.failed += count.failed;
  total.skipped += count.skipped;
}
for (const { onlyNamed } of wanted.length > 0 ? [] : Object.values(SUITES)) {
  if (onlyNamed !== undefined) console.log(`\nnot part of this run: ${onlyNamed}`);
}
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);

async function runJest(name: string, folders: readonly string[], suite: Suite): Promise<Count> {
  const { workers, minutes, inMachine } = suite;
  const exchange = mkdtempSync(join(tmpdir(), `macvlan-operator-${name}-`));
  const report = join(exchange, 'report.json');
  const parallel = workers === 1 ? ['--runInBand'] : [`--maxWorkers=${workers}`];
  const child = spawn(
    process.execPath,
    [
      ...(inMachine ? ['test/vm/support/boot.ts', exchange, process.execPath] : []),
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      'node_modules/jest/bin/jest.js',
      '--json',
      `--outputFile=${report}`,
      ...(['e2e', 'kind', 'vm'].includes(name) ? ['--verbose'] : []),
      ...parallel,
      ...folders,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'], timeout: minutes * 60_000, killSignal: 'SIGTERM' },
  );
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  try {
    return countOf(JSON.parse(readFileSync(report, 'utf8')) as JestReport, code);
  } catch (error) {
    console.error(`${name}: no report (jest ended with ${code}, limit ${minutes} min): ${String(error)}`);
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(exchange, { recursive: true, force: true });
  }
}

/** A file that could not even be loaded counts as one failed test, and so does a jest that ended badly with nothing failed. */
function countOf(report: JestReport, code: number | null): Count {
  for (const file of report.testResults) {
    for (const test of file.assertionResults) {
      if (test.status === 'pending') console.log(`skipped: ${test.fullName}`);
    }
  }
  const broken = report.numRuntimeErrorTestSuites;
  const failed = report.numFailedTests + broken;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: report.numPendingTests,
  };
}
