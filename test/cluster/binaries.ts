// Builds the programs of the test cluster from their pinned Go modules, once, into a cache outside the checkout.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cacheFolder } from '../../scripts/cache.ts';
import { withLock } from './lock.ts';
import { type Progress, printProgress } from './progress.ts';
import { allTools, etcd, kubernetes, programOf, type Tool } from './tools.ts';

/** Programs by name, each an absolute path. */
export type Programs = Readonly<Record<string, string>>;

const TELL_EVERY_MS = 15_000;

/** Builds what is missing of these tools and gives all their programs. A tool that is there costs a few milliseconds. */
export async function buildTools(tools: readonly Tool[], progress: Progress): Promise<Programs> {
  const missing = tools.filter((tool) => !existsSync(folderOf(tool)));
  const seconds = missing.reduce((sum, tool) => sum + tool.seconds, 0);
  if (missing.length > 1) {
    const names = missing.map((tool) => tool.name).join(', ');
    progress(`building ${names} with Go: about ${Math.ceil(seconds / 60)} minutes on two cores when nothing is cached`);
  }
  for (const tool of missing) await build(tool, progress);
  return Object.fromEntries(
    tools.flatMap((tool) =>
      tool.packages.map((path) => [programOf(tool, path), join(folderOf(tool), programOf(tool, path))]),
    ),
  );
}

/** etcd, kube-apiserver and kubectl: from the folder that KUBEBUILDER_ASSETS names where it has all three, else built. */
export async function controlPlanePrograms(progress: Progress): Promise<Programs> {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const names = ['etcd', 'kube-apiserver', 'kubectl'];
  if (assets && names.every((name) => existsSync(join(assets, name)))) {
    return Object.fromEntries(names.map((name) => [name, join(assets, name)]));
  }
  return buildTools([etcd, kubernetes], progress);
}

/** Where a tool's finished programs are: the name changes with whatever may change the result. */
export function folderOf(tool: Tool): string {
  const hash = createHash('sha256').update(
    JSON.stringify([goArguments(tool), tool.cgo, tool.architecture ?? process.arch]),
  );
  for (const file of sourcesOf(tool)) hash.update(file).update(readFileSync(join(tool.folder, file)));
  return join(cacheFolder(), 'bin', `${tool.name}-${tool.version}-${hash.digest('hex').slice(0, 12)}`);
}

function sourcesOf(tool: Tool): readonly string[] {
  return readdirSync(tool.folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.go$|(^|\/)go\.(mod|sum)$/.test(file) && !file.endsWith('_test.go'))
    .sort();
}

function goArguments(tool: Tool): readonly string[] {
  const stamps = Object.entries(tool.stamps).map(([name, value]) => `-X ${name}=${value}`);
  return [
    'build',
    '-mod=readonly',
    '-trimpath',
    '-buildvcs=false',
    ...(tool.tags.length > 0 ? ['-tags', tool.tags.join(',')] : []),
    `-ldflags=${['-s -w', ...stamps].join(' ')}`,
    ...tool.packages,
  ];
}

/** Builds beside the final folder and renames at the end, so that a folder with the final name is always whole. */
async function build(tool: Tool, progress: Progress): Promise<void> {
  const target = folderOf(tool);
  const waiting = (pid: number) => progress(`waiting for process ${pid}, which builds ${tool.name} ${tool.version}`);
  await withLock(
    target,
    async () => {
      if (existsSync(target)) return; // built while we waited
      const partial = `${target}.partial`;
      rmSync(partial, { recursive: true, force: true });
      mkdirSync(partial, { recursive: true });
      const started = performance.now();
      progress(`building ${tool.name} ${tool.version}`);
      await goBuild(tool, partial, progress);
      renameSync(partial, target);
      progress(`built ${tool.name} ${tool.version} in ${((performance.now() - started) / 1000).toFixed(0)} s`);
    },
    waiting,
  );
}

async function goBuild(tool: Tool, folder: string, progress: Progress): Promise<void> {
  const [verb = 'build', ...rest] = goArguments(tool);
  const [only] = tool.packages;
  const output = tool.packages.length === 1 && only !== undefined ? join(folder, programOf(tool, only)) : `${folder}/`;
  const target = tool.architecture === undefined ? {} : { GOARCH: tool.architecture };
  const child = spawn('go', [verb, '-v', '-o', output, ...rest], {
    cwd: tool.folder,
    env: { ...process.env, ...target, CGO_ENABLED: tool.cgo ? '1' : '0', GOFLAGS: '', GOWORK: 'off' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: string[] = [];
  let compiled = 0;
  let downloaded = 0;
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.startsWith('go: downloading')) downloaded++;
    else if (/^[\w.~/-]+$/.test(line)) compiled++;
    else said.push(line);
  });
  const started = performance.now();
  const timer = setInterval(() => {
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    progress(`  ${tool.name}: ${seconds} s, ${downloaded} modules downloaded, ${compiled} packages compiled`);
  }, TELL_EVERY_MS);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', () => reject(new Error('Go is missing: install Go 1.26 or later and put it on PATH')));
      child.on('close', resolve);
    });
    if (code !== 0) throw new Error(`go build of ${tool.name} ended with ${code}:\n${said.slice(-30).join('\n')}`);
  } finally {
    clearInterval(timer);
  }
}

/** Builds everything that a cluster with nodes needs and that is missing; says on standard error what it does. */
export function ensureBinaries(progress: Progress = printProgress()): Promise<Programs> {
  return buildTools(allTools(), progress);
}
