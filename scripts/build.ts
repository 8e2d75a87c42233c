// `npm run build`: the processes and the netlink addon in dist/. Nothing else is needed to run them but Node.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { buildAddon } from './build-addon.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

const PROCESSES = ['controller', 'agent', 'dhcp'] as const;
type Process = (typeof PROCESSES)[number];

/** What must not get into a bundle, and why; a package that slips in costs every node memory. */
const FORBIDDEN: readonly { readonly process: Process; readonly module: string; readonly because: string }[] = [
  {
    process: 'agent',
    module: 'node_modules/@kubernetes/client-node/',
    because: 'it would double the working set of the agent on every node',
  },
];

/** CommonJS packages inside an ES module still call require and read __dirname. */
const BANNER = [
  "import { createRequire as __createRequire } from 'node:module';",
  "import { dirname as __dirnameOf } from 'node:path';",
  "import { fileURLToPath as __pathOf } from 'node:url';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = __pathOf(import.meta.url);',
  'const __dirname = __dirnameOf(__filename);',
].join(' ');

/** The project's version, from package.json. */
export function projectVersion(): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return version;
}

/**
 * Builds dist/: one file per process, what a process loads only when it needs it in a folder of its name, and netlink.node.
 * Throws when one of them does not build.
 */
export async function buildDist(): Promise<void> {
  buildAddon();
  await buildBundles();
}

/** The part of dist/ that is the same for every architecture. Gives the paths of its files inside dist/. */
export async function buildBundles(): Promise<readonly string[]> {
  mkdirSync(dist, { recursive: true });
  return (await Promise.all(PROCESSES.map(bundle))).flat();
}

async function bundle(name: Process): Promise<readonly string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { [name]: `src/${name}/main.ts` },
    outdir: dist,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What is imported on demand stays a file of its own: client-node unparsed saves the controller a third of its memory.
    splitting: true,
    chunkNames: `${name}/[name]-[hash]`,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: BANNER },
    // Stack traces stay readable without source maps: names and lines are those of the source.
    minify: false,
    legalComments: 'none',
    define: { __VERSION__: JSON.stringify(projectVersion()) },
    external: ['*.node'],
    metafile: true,
    logLevel: 'warning',
  });
  refuseForbidden(name, metafile);
  refuseWide(`${name}.mjs`);
  const files = Object.keys(metafile.outputs).map((path) => relative(dist, join(root, path)));
  removeOthers(name, files);
  return files;
}

/** Chunks of earlier builds, which nothing loads any more. */
function removeOthers(name: Process, files: readonly string[]): void {
  const folder = join(dist, name);
  if (!existsSync(folder)) return;
  for (const file of readdirSync(folder)) if (!files.includes(`${name}/${file}`)) rmSync(join(folder, file));
}

function refuseForbidden(name: Process, metafile: Metafile): void {
  for (const { process, module, because } of FORBIDDEN) {
    const found = Object.keys(metafile.inputs).find((input) => process === name && input.includes(module));
    if (found !== undefined) throw new Error(`${name}.mjs bundles ${found}: ${because}`);
  }
}

/**
 * One character beyond Latin-1 makes Node keep the whole program as text of two bytes per character, for good. Strings come out of
 * esbuild escaped; comments inside classes and functions do not.
 */
function refuseWide(file: string): void {
  const wide = /.*[^\0-\xff].*/.exec(readFileSync(join(dist, file), 'utf8'))?.[0];
  if (wide !== undefined) throw new Error(`${file} would take twice its memory because of this line: ${wide.trim()}`);
}

if (argv[1] === fileURLToPath(import.meta.url)) await buildDist();
