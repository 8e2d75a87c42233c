// A real API server for a test file: started before its tests, ended after them.
import { afterAll, beforeAll } from '@jest/globals';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../cluster/control-plane.ts';

export type { ControlPlane, ControlPlaneOptions } from '../cluster/control-plane.ts';

/** A first run may have to build etcd and kube-apiserver. */
const START_WITHIN_MS = 900_000;

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
