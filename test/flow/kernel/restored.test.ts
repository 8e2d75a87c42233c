// A reflector whose API server is put back to an earlier time: versions that it has been told never were.
import { afterAll, expect, test } from '@jest/globals';
import { useControlPlane } from '../../support/control-plane.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { CONFIG_MAP, clientFor, configMap } from '../../support/kube.ts';
import { Watching } from '../../support/watching.ts';

const namespace = 'default';
/** More than an API server writes while it starts. */
const LOST = 300;

let proxy: FaultProxy | undefined;
let seen: Watching | undefined;
afterAll(async () => {
  await seen?.stop();
  await proxy?.stop();
}, 30_000); // registered first, so that it ends before the API server does
const plane = useControlPlane();

test('it lists again when what it has seen never was, and not when its connection broke and nothing else', async () => {
  const client = clientFor(plane());
  const make = (name: string, value = '1') => client.create(CONFIG_MAP, configMap(namespace, name, value));
  await make('kept');
  await plane().backUp();
  proxy = new FaultProxy(plane());
  await proxy.start();
  seen = new Watching(proxy, plane().token, { namespace, fieldSelector: 'metadata.name!=kube-root-ca.crt' });
  await seen.follow();
  await make('lost');
  await seen.shows({ kept: '1', lost: '1' });
  await plane().restartApiServer();
  for (let i = 0; i < LOST; i++) {
    await client.mergePatch(CONFIG_MAP, { namespace, name: 'lost' }, { data: { value: String(i) } });
  }
  await seen.shows({ kept: '1', lost: String(LOST - 1) });
  expect(seen.listCount).toBe(1);

  await plane().restore();
  await make('new');
  await seen.shows({ kept: '1', new: '1' });
  expect(seen.listCount).toBe(2);
  client.transport.close();
}, 300_000);
