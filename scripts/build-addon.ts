// Compiles the agent's netlink addon with gcc against the headers of the project's own Node: dist/netlink.node, and for other
// architectures than this machine's, with Debian's cross compilers, dist/ARCH/netlink.node.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { type Architecture, isMachines, machineArchitecture } from './architectures.ts';
import { nodePackage } from './node-package.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'src/agent/netlink/addon.c');
const FLAGS = [
  ...['-O2', '-shared', '-fPIC', '-fvisibility=hidden', '-std=gnu17'],
  ...['-Wall', '-Wextra', '-Wformat=2', '-Wconversion', '-Wshadow', '-Wvla', '-Wstrict-prototypes', '-Werror'],
  // Distributions' compilers may have a level of their own.
  ...['-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong', '-fstack-clash-protection'],
  ...['-Wl,-z,relro', '-Wl,-z,now', '-Wl,-z,noexecstack', '-Wl,-z,separate-code'],
];

/** The compiler's program. Installs a cross compiler where it is missing and that is possible, else names its packages. */
function compilerFor(architecture: Architecture): string {
  if (isMachines(architecture)) return process.env['CC'] ?? 'gcc';
  const look = ['scripts/deps.sh', 'compiler', architecture.name];
  execFileSync('bash', look, { cwd: root, stdio: ['ignore', 2, 2] });
  return `${architecture.gnu}-gcc`;
}

/** Where the addon of an architecture is: the name without one is the machine's own, which tests and processes load. */
function outputFor(architecture: Architecture): string {
  return join(root, 'dist', isMachines(architecture) ? '' : architecture.name, 'netlink.node');
}

/**
 * The path of the compiled addon. Compiles only when source or flags changed since the last time, and puts the result in
 * place in one step, so that several may call it at once. Throws when it does not compile.
 */
export function buildAddon(architecture: Architecture = machineArchitecture()): string {
  const output = outputFor(architecture);
  const stamp = `${output}.sha256`;
  const flags = [...FLAGS, ...architecture.compilerFlags];
  const digest = createHash('sha256').update(readFileSync(source)).update(flags.join(' ')).digest('hex');
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return output;
  mkdirSync(dirname(output), { recursive: true });
  const fresh = `${output}.${process.pid}`;
  const headers = join(nodePackage(architecture), 'include/node');
  execFileSync(compilerFor(architecture), [...flags, `-I${headers}`, source, '-o', fresh], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  renameSync(fresh, output);
  writeFileSync(stamp, digest);
  return output;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(buildAddon());
