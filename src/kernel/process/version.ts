// The version that a process says of itself: baked in by scripts/build.ts, unknown when it runs from source.

declare const __VERSION__: string | undefined;

/** Version of the running program, as in package.json; `0.0.0-source` outside a bundle. */
export const PROGRAM_VERSION: string = typeof __VERSION__ === 'string' ? __VERSION__ : '0.0.0-source';
