// Programs of an architecture that is not the machine's, run on its kernel by QEMU's user mode.
import { ARCHITECTURES, type Architecture, isMachines } from '../../../scripts/architectures.ts';
import { runOrThrow } from '../../support/run.ts';

/** Those that the machine is not. */
export const FOREIGN: readonly Architecture[] = ARCHITECTURES.filter((architecture) => !isMachines(architecture));

/**
 * The words to put before a program. Its libraries are looked for in the folder `root`; what else it opens is the machine's own
 * unless it is in there. Installs QEMU where it is missing and that is possible; throws, naming the package, where it is not.
 */
export async function emulatorFor(architecture: Architecture, root: string): Promise<readonly string[]> {
  await runOrThrow(['bash', 'scripts/deps.sh', 'emulator'], { timeoutMs: 10 * 60_000 });
  return [`qemu-${architecture.gnu.split('-')[0]}`, '-L', root];
}
