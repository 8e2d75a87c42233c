// A real API server for a test file: started before its tests, ended after them.
import { afterAll, beforeAll } from '@jest/globals';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane as start } from '../cluster/control-plane.ts';
import { printProgress } from '../cluster/progress.ts';

export type { ControlPlane, ControlPlaneOptions } from '../cluster/control-plane.ts';

/** A first run may have to build etcd and kube-apiserver. */
const START_WITHIN_MS = 900_000;

/** etcd and kube-apiserver on a free loopback port, for whoever ends them himself; says on standard error what it builds. */
export function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  return start({ progress: printProgress(), ...options });
}

/**
 * Registers start and end with jest and gives a function that returns the control plane inside tests and later hooks.
 * Call it at the top of a file or of a `describe`.
 */
export function useControlPlane(options: ControlPlaneOptions = {}): () => ControlPlane {
  let started: ControlPlane | undefined;
  beforeAll(async () => {
    started = await startControlPlane(options);
  }, START_WITHIN_MS);
  afterAll(async () => {
    await started?.stop();
  }, 30_000);
  return () => {
    if (started === undefined) throw new Error('the control plane has not been started yet');
    return started;
  };
}
