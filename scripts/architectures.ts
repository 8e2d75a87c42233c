// The architectures that the image is built for, in the words of everybody who takes part in it.
import process from 'node:process';

export interface Architecture {
  /** In the words of Go, of images and of Debian: what people write. */
  readonly name: string;
  /** In the words of Node (process.arch) and of npm. */
  readonly node: string;
  /** Prefix of the compiler's programs, and folder of the libraries. */
  readonly gnu: string;
  /** As readelf calls it. */
  readonly machine: string;
  /** What only this architecture's compiler knows: where an indirect jump may go, and where a return. */
  readonly compilerFlags: readonly string[];
}

export const ARCHITECTURES: readonly Architecture[] = [
  {
    name: 'amd64',
    node: 'x64',
    gnu: 'x86_64-linux-gnu',
    machine: 'Advanced Micro Devices X86-64',
    compilerFlags: ['-fcf-protection=full'],
  },
  {
    name: 'arm64',
    node: 'arm64',
    gnu: 'aarch64-linux-gnu',
    machine: 'AArch64',
    compilerFlags: ['-mbranch-protection=standard'],
  },
];

const KNOWN = ARCHITECTURES.map((architecture) => architecture.name).join(', ');

/** Throws, with the names that there are, for any other. */
export function architectureNamed(name: string): Architecture {
  const found = ARCHITECTURES.find((architecture) => architecture.name === name);
  if (found === undefined) throw new Error(`no such architecture: ${name} (there are ${KNOWN})`);
  return found;
}

/** `arm64` or `amd64,arm64`, each once, in the order given; none for an empty text. Throws for a name that is unknown. */
export function parseArchitectures(text: string): readonly Architecture[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  return [...new Set(names)].map(architectureNamed);
}

/** What this machine is. Throws on machines that there is no image for. */
export function machineArchitecture(): Architecture {
  const found = ARCHITECTURES.find((architecture) => architecture.node === process.arch);
  if (found === undefined) throw new Error(`there is no image for machines of ${process.arch} (there are ${KNOWN})`);
  return found;
}

/** Whether programs of this architecture run here as they are. */
export function isMachines(architecture: Architecture): boolean {
  return architecture.node === process.arch;
}
