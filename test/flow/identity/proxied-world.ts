// A world whose controllers reach the API server through a proxy that can break their requests.
import { afterAll, beforeAll } from '@jest/globals';
import { useControlPlane } from '../../support/control-plane.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { IdentityWorld } from './world.ts';

export interface ProxiedWorld {
  readonly world: IdentityWorld;
  /** Nothing goes through it but what is started with its `url`. */
  readonly proxy: FaultProxy;
}

/** Installs the chart before the tests of this file and ends everything after them. */
export function useProxiedWorld(): () => ProxiedWorld {
  let opened: ProxiedWorld | undefined;
  afterAll(async () => {
    await opened?.world.stopAll(); // registered first, so that it ends before the API server does
    await opened?.proxy.stop();
  }, 30_000);
  const plane = useControlPlane();
  beforeAll(async () => {
    opened = { world: new IdentityWorld(plane()), proxy: new FaultProxy(plane()) };
    await opened.world.install();
    await opened.proxy.start();
  }, 600_000);
  return () => {
    if (opened === undefined) throw new Error('the world has not been opened yet');
    return opened;
  };
}
