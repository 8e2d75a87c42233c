// Chapter two: one MacvlanAttachment, and what follows from it.
import { type Chapter, kubectl, kubeJson, nodeOf, OPERATOR_NAMESPACE, rememberShims, type World } from '../world.ts';

interface Nad {
  readonly metadata: { readonly namespace: string };
  readonly spec: { readonly config: string };
}

export const attach: Chapter = {
  title: 'One MacvlanAttachment',
  tell: async (world) => {
    const { stage } = world;
    await kubectl(world, ['explain', 'macvlanattachment.spec.parents']);
    await kubectl(world, ['-n', 'media', 'apply', '-f', '-'], FOREIGN_NAD);
    await kubectl(world, ['apply', '-f', 'examples/lan.yaml']);
    await nameIsTaken(world);
    await kubectl(world, ['wait', 'mva/lan', '--for=condition=Ready', '--timeout=90s']);
    const ready = await kubectl(world, ['get', 'mva']);
    stage.check('the attachment is Ready on both nodes', /\blan\b.*\bTrue\b.*\b2\/2\b/.test(ready.stdout));
    await nadsAreEqual(world);
    for (const [name, parent] of [
      ['node-a', 'enp3s0'],
      ['node-b', 'lan0'],
    ] as const) {
      const link = await stage.show(`${name}: ip link show mva-lan`, () =>
        nodeOf(world, name).exec(['ip', 'link', 'show', 'mva-lan']),
      );
      stage.check(
        `on ${name} the alias mva-lan is on ${parent}`,
        link.stdout.includes(`${parent}@`) || link.stdout.includes(`${parent}:`),
      );
    }
    const states = await kubectl(world, ['get', 'mvn']);
    stage.check(
      'each node has its one attachment ready',
      (states.stdout.match(/^node-[ab] +1\/1 /gm) ?? []).length === 2,
    );
    await stage.eventually('and says so in a label that pods can ask for', async () => {
      const ready = ['get', 'nodes', '-l', 'attachment.macvlan.dev/lan=ready', '-o', 'name'];
      return (await world.cluster.kubectl(ready)).stdout === 'node/node-a\nnode/node-b\n';
    });
    await kubectl(world, ['-n', OPERATOR_NAMESPACE, 'get', 'daemonset,pods', '-o', 'wide']);
    await rememberShims(world);
    await badInputIsRefused(world);
  },
};

async function nadsAreEqual(world: World): Promise<void> {
  const { stage } = world;
  await kubectl(world, ['get', 'net-attach-def', '-A']);
  const nads = await kubeJson<{ items: readonly Nad[] }>(world, [
    'get',
    'net-attach-def',
    '-A',
    '-l',
    'macvlan.dev/attachment=lan',
  ]);
  const namespaces = nads.items.map((nad) => nad.metadata.namespace).sort();
  stage.check('there is a NAD in home and in media', namespaces.join() === 'home,media', namespaces.join());
  const configs = new Set(nads.items.map((nad) => nad.spec.config));
  stage.check('both NADs hold the same configuration', configs.size === 1);
  stage.say([...configs][0] ?? '');
}

/** A NAD of the same name that somebody else made. */
const FOREIGN_NAD = JSON.stringify({
  apiVersion: 'k8s.cni.cncf.io/v1',
  kind: 'NetworkAttachmentDefinition',
  metadata: { name: 'lan' },
  spec: { config: '{"cniVersion":"1.0.0","name":"theirs","plugins":[{"type":"bridge"}]}' },
});

async function nameIsTaken(world: World): Promise<void> {
  const { stage, cluster } = world;
  await stage.eventually('a NAD that somebody else made is not touched, and said to be in the way', async () => {
    const said = await cluster.kubectl(['get', 'mva', 'lan', '-o', 'jsonpath={.status.problems[*].reason}']);
    const theirs = await cluster.kubectl([
      '-n',
      'media',
      'get',
      'net-attach-def',
      'lan',
      '-o',
      'jsonpath={.spec.config}',
    ]);
    return said.stdout.includes('NameTaken') && theirs.stdout.includes('theirs');
  });
  await kubectl(world, ['get', 'mva', 'lan', '-o', 'jsonpath={.status.conditions[?(@.type=="Rendered")].message}']);
  await kubectl(world, ['-n', 'media', 'delete', 'net-attach-def', 'lan']);
}

/** The door: what a person might mistype is refused with a sentence. */
async function badInputIsRefused(world: World): Promise<void> {
  const spec = { namespaces: { names: ['home'] }, ipam: { type: 'None' } };
  const cases: readonly (readonly [string, object, RegExp])[] = [
    ['an unknown mode', { ...spec, mode: 'bridged' }, /mode/],
    ['a parent without a fact', { ...spec, parents: [{ interface: {} }] }, /name at least one fact/],
    ['a mistyped MAC', { ...spec, parents: [{ interface: { mac: '52:54:00:zz:34:56' } }] }, /mac/],
  ];
  for (const [what, badSpec, expected] of cases) {
    const object = {
      apiVersion: 'macvlan.dev/v1alpha1',
      kind: 'MacvlanAttachment',
      metadata: { name: 'bad' },
      spec: badSpec,
    };
    const refused = await world.stage.show(`kubectl apply -f -   # ${what}`, () =>
      world.cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) }),
    );
    world.stage.check(`${what} is refused at the door`, refused.code !== 0 && expected.test(refused.stderr));
  }
}
