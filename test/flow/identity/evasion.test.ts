// What the policies about the networks annotation let through, by chance and by the hundred: nothing in which Multus would see a
// pin or another namespace.
import { beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isUnreadable, parseNetworks } from '../../../src/domain/pod/networks.ts';
import { until } from '../../support/until.ts';
import { useIdentityWorld } from './use-world.ts';
import { HOME, type IdentityWorld } from './world.ts';

const RUNS = 600;

let world: IdentityWorld;
const opened = useIdentityWorld('guards.rawPins=Refuse', 'isolation.type=Namespace');

beforeAll(async () => {
  world = opened();
  const isRefused = async (networks: string) => (await verdict(networks)) !== '';
  await until('the policies work', async () => (await isRefused('a/b')) && (await isRefused('[{"mac":1}]')));
}, 600_000);

/** What the API server says to such a pod; it is not made. */
async function verdict(networks: string): Promise<string> {
  const request = world.client.transport.request({
    method: 'POST',
    path: `/api/v1/namespaces/${HOME}/pods`,
    query: { dryRun: 'All' },
    body: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'x', annotations: { 'k8s.v1.cni.cncf.io/networks': networks } },
      spec: { containers: [{ name: 'main', image: 'none' }] },
    },
  });
  const answer = await request;
  return answer.status < 400 ? '' : JSON.stringify(answer.body);
}

const space = fc.constantFrom('', '', '', ' ', '\t', '\n ', '\r');
/** Keys and values as they stand in the text, many of them spelled to be missed. */
const spelled = (...words: string[]) =>
  fc.constantFrom(...words).chain((word) =>
    fc.constantFrom(
      word,
      word,
      word.toUpperCase(),
      word.replaceAll('s', '\u017f'),
      word.replace(/./, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`),
      word.replace(/.$/, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`),
      `${word} `,
    ),
  );
const text = spelled(HOME, 'other', 'lan', 'mac', 'ips', 'namespace', '02:4d:00:00:00:01', 'a\\"', '', 'other/lan');
const quoted = text.map((value) => `"${value}"`);
const value = fc.oneof(
  { weight: 4, arbitrary: quoted },
  fc.constantFrom('null', '1', '[]', '{}'),
  quoted.map((item) => `[${item}]`),
  fc.tuple(spelled('mac', 'ips', 'x'), quoted).map(([key, item]) => `{"${key}":${item}}`),
);
const member = fc
  .tuple(space, spelled('name', 'namespace', 'mac', 'ips', 'cni-args', 'interface', 'x.example/y'), space, value, space)
  .map(([a, key, b, item, c]) => `${a}"${key}"${b}:${c}${item}${c}`);
const element = fc
  .tuple(quoted, fc.array(member, { maxLength: 4 }))
  .map(([name, members]) => `{${[`"name":${name}`, ...members].join(',')}}`);
const json = fc.tuple(space, fc.array(element, { maxLength: 3 }), space).map(([a, list, b]) => `${a}[${list}]${b}`);
const item = fc
  .tuple(space, fc.constantFrom('', `${HOME}/`, `${HOME} /`, 'other/', '/', `${HOME}/other/`), text, space)
  .map((parts) => parts.join(''));
const comma = fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(','));
const broken = fc.tuple(json, fc.nat()).map(([whole, at]) => whole.slice(at % (whole.length + 1)));

test('no text that they let through chooses an address or names another namespace', async () => {
  let passed = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.oneof({ weight: 6, arbitrary: json }, { weight: 2, arbitrary: comma }, broken),
      async (networks) => {
        if ((await verdict(networks)) !== '') return;
        const parsed = parseNetworks(networks);
        if (isUnreadable(parsed)) return; // nor would Multus read it
        passed += parsed.length > 0 ? 1 : 0;
        for (const { namespace = HOME, mac, ips, args } of parsed) {
          expect([networks, namespace, mac, ips, args]).toEqual([networks, HOME, undefined, undefined, undefined]);
        }
      },
    ),
    { numRuns: RUNS },
  );
  expect(passed).toBeGreaterThan(RUNS / 50); // they do let something through
}, 120_000);
