import { expect, test } from '@jest/globals';
import { KubeClient } from '../../../../src/kernel/kube/client.ts';
import { Transport, type TransportRequest } from '../../../../src/kernel/kube/transport.ts';
import { CONFIG_MAP, configMap, fixedCredentials } from '../../../support/kube.ts';

class Recording extends Transport {
  readonly sent: string[] = [];

  override async request(req: TransportRequest) {
    this.sent.push(req.method);
    return { status: 200, headers: {}, body: {} };
  }
}

test('a fenced client asks before each write, reads all the same, and leaves the one it came from alone', async () => {
  const transport = new Recording(fixedCredentials(new URL('http://127.0.0.1:1'), 'token'));
  const client = new KubeClient(transport);
  let leads = true;
  const fenced = client.fenced(() => leads);
  await fenced.create(CONFIG_MAP, configMap('home', 'a'));
  leads = false;
  const key = { namespace: 'home', name: 'a' };
  await fenced.get(CONFIG_MAP, key);
  const writes = [
    () => fenced.create(CONFIG_MAP, configMap('home', 'a')),
    () => fenced.replace(CONFIG_MAP, configMap('home', 'a')),
    () => fenced.apply(CONFIG_MAP, configMap('home', 'a'), { manager: 'test' }),
    () => fenced.jsonPatch(CONFIG_MAP, key, []),
    () => fenced.mergePatch(CONFIG_MAP, key, {}),
    () => fenced.delete(CONFIG_MAP, key),
  ];
  for (const write of writes) await expect(write()).rejects.toThrow('not leading any more');
  expect(transport.sent).toEqual(['POST', 'GET']);
  await client.delete(CONFIG_MAP, key);
  expect(transport.sent).toEqual(['POST', 'GET', 'DELETE']);
});
