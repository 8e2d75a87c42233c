// What somebody reads who builds without a compiler, and may not install one.
import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

/** As nobody, so that nothing is installed. */
function lookForCompiler(compiler: string) {
  const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', CC: compiler };
  const { status, stdout, stderr } = spawnSync('bash', ['scripts/deps.sh', 'compiler'], {
    env,
    uid: 65534,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('a missing compiler is named in one line, as a package', () => {
  expect(lookForCompiler('no-such-compiler')).toEqual({
    status: 1,
    stdout: '',
    stderr: "missing: gcc (Debian's package names); install them as root and run this again\n",
  });
});

test('nothing is said, and nothing else asked for, where there is one', () => {
  expect(lookForCompiler('gcc')).toEqual({ status: 0, stdout: '', stderr: '' });
});

test('building starts with that look', () => {
  const { stdout } = spawnSync('make', ['--dry-run', 'build', 'image'], { encoding: 'utf8' });
  expect(stdout).toContain('scripts/deps.sh compiler');
});
