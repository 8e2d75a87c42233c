// What the harness says while one waits: a line per step, with the time since the start.

/** Where steps are told. */
export type Progress = (line: string) => void;

/** Says nothing. */
export const silent: Progress = () => {};

/** Lines on standard error with the seconds since this call in front, so that standard output stays for results. */
export function printProgress(): Progress {
  const started = performance.now();
  return (line) => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
    process.stderr.write(`${seconds} s  ${line}\n`);
  };
}
