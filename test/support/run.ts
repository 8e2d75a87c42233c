// Runs programs for tests and for the test cluster: an argument vector in, exit code and output back, no shell in between.
import { spawn } from 'node:child_process';

/** What a program gave back. */
export interface Outcome {
  /** Exit code; 128 + signal number is not imitated: a program that was killed or could not be started has 255. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Text for standard input; without it the program reads end of file. */
  readonly input?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Killed after this many milliseconds. Default 120,000. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end. Never rejects: a program that cannot be started has code 255 and the reason in `stderr`. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [program, ...args] = argv;
  if (program === undefined) return Promise.resolve({ code: 255, stdout: '', stderr: 'no program named' });
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, PATH: searchPath(), ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 120_000,
      killSignal: 'SIGKILL',
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => {}); // a program may end without reading its input
    child.stdin.end(options.input ?? '');
    child.on('error', (error) => resolve({ code: 255, stdout: '', stderr: `${program}: ${error.message}\n` }));
    child.on('close', (code) =>
      resolve({
        code: code ?? 255,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}

/** Like `run`, but gives standard output alone and throws, with what the program said, when it failed. */
export async function runOrThrow(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const outcome = await run(argv, options);
  if (outcome.code === 0) return outcome.stdout;
  throw new Error(`${argv.join(' ')} ended with ${outcome.code}: ${(outcome.stderr || outcome.stdout).trim()}`);
}

/** PATH with the folders of system programs (ip, iptables, dnsmasq), which a plain user's or a service's may lack. */
export function searchPath(): string {
  return `${process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin`;
}
