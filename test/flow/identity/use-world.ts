// Worlds that are opened before the tests of a file and ended after them, while their API server still answers.
import { afterAll, beforeAll } from '@jest/globals';
import { useControlPlane } from '../../support/control-plane.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { TenantWorld } from './tenant-world.ts';
import { IdentityWorld } from './world.ts';

const OPEN_WITHIN_MS = 600_000;

/**
 * A world with the chart installed, for `beforeAll` and whatever comes later.
 * @param values of the chart, as `name=value`
 */
export function useIdentityWorld(...values: readonly string[]): () => IdentityWorld {
  let world: IdentityWorld | undefined;
  afterAll(() => world?.stopAll(), 30_000); // registered first, so that it ends before the API server does
  const plane = useControlPlane();
  beforeAll(async () => {
    world = new IdentityWorld(plane());
    await world.install(...values);
  }, OPEN_WITHIN_MS);
  return () => opened(world);
}

export interface ProxiedWorld {
  readonly world: IdentityWorld;
  /** Nothing goes through it but what is started with its `url`. */
  readonly proxy: FaultProxy;
}

/** A world whose controllers can reach the API server through a proxy that breaks their requests. */
export function useProxiedWorld(): () => ProxiedWorld {
  let both: ProxiedWorld | undefined;
  afterAll(async () => {
    await both?.world.stopAll();
    await both?.proxy.stop();
  }, 30_000);
  const plane = useControlPlane();
  beforeAll(async () => {
    both = { world: new IdentityWorld(plane()), proxy: new FaultProxy(plane()) };
    await both.world.install();
    await both.proxy.start();
  }, OPEN_WITHIN_MS);
  return () => opened(both);
}

/** A world with the guards on, a tenant who means no good, and another one who has what that tenant would like. */
export function useTenants(): () => TenantWorld {
  let tenants: TenantWorld | undefined;
  afterAll(() => tenants?.close(), 30_000); // registered first, so that it ends before the API server does
  const plane = useControlPlane();
  beforeAll(async () => {
    tenants = await TenantWorld.open(plane());
  }, OPEN_WITHIN_MS);
  return () => opened(tenants);
}

function opened<T>(what: T | undefined): T {
  if (what === undefined) throw new Error('the world has not been opened yet');
  return what;
}
