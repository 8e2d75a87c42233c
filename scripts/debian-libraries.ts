// The C and C++ libraries of an architecture that is not the machine's, from Debian's own packages of it.
import { type Architecture, isMachines } from './architectures.ts';
import { debianPackages, saidBy } from './debian-packages.ts';

/** What Node needs. Those that come with the cross compiler (libc6-arm64-cross …) will not do: they get no security updates. */
const PACKAGES = ['libc6', 'libgcc-s1', 'libstdc++6'];

/**
 * Folder below which the libraries are at their paths: `/` for this machine's architecture, for others Debian's newest packages
 * (debian-packages.ts). Throws with a remedy when there are none.
 */
export function libraryRoot(architecture: Architecture): string {
  if (isMachines(architecture)) return '/';
  try {
    return debianPackages(architecture, PACKAGES);
  } catch (error) {
    throw new Error(
      `no libraries for ${architecture.name} (${PACKAGES.join(', ')} of Debian, by apt): reach Debian's mirrors, or build the image on ` +
        `a machine of that architecture or with docker buildx: ${saidBy(error)}`,
      { cause: error },
    );
  }
}
