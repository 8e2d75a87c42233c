import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { editNetworks, isUnreadable, type NetworkEdit, parseNetworks } from '../../../../src/domain/pod/networks.ts';

const edit = (text: string, edits: Readonly<Record<number, NetworkEdit>>) =>
  editNetworks(text, new Map(Object.entries(edits).map(([index, value]) => [Number(index), value])));
const MAC = '02:4d:00:00:00:01';

describe('reading the annotation', () => {
  test.each([
    ['a name', 'lan', [['lan', undefined]]],
    [
      'names with namespace and interface',
      'lan, media/cams@net5 ,x@y',
      [
        ['lan', undefined],
        ['cams', 'media'],
        ['x', undefined],
      ],
    ],
    [
      'a JSON list',
      '[{"name":"lan"},{"name":"cams","namespace":"media"}]',
      [
        ['lan', undefined],
        ['cams', 'media'],
      ],
    ],
    ['keys in any case, as Multus does', '[{"Name":"lan","NAMESPACE":"a"}]', [['lan', 'a']]],
    ['an empty JSON list', ' [ ] ', []],
  ])('understands %s', (_what, text, expected) => {
    const parsed = parseNetworks(text);
    expect(isUnreadable(parsed) ? parsed : parsed.map(({ name, namespace }) => [name, namespace])).toEqual(expected);
  });

  test.each([
    ['half of a JSON text', '[{"name":"lan"'],
    ['an object', '{"name":"lan"}'],
    ['an entry without a name', '[{"mac":"02:00:00:00:00:01"}]'],
    ['ips that are one text', '[{"name":"lan","ips":"192.0.2.1"}]'],
    ['an entry that is no object', '["lan"]'],
    ['two commas', 'lan,,cams'],
  ])('says what is wrong with %s', (_what, text) => {
    expect(parseNetworks(text)).toEqual({ wrong: expect.any(String) });
  });

  test('gives MAC and addresses as they are written', () => {
    expect(parseNetworks('[{"name":"lan","mac":"02-4D-00-00-00-01","ips":["192.0.2.5/24"]}]')).toEqual([
      { name: 'lan', namespace: undefined, mac: '02-4D-00-00-00-01', ips: ['192.0.2.5/24'] },
    ]);
  });
});

describe('reading what was written to be misread', () => {
  test.each([
    ['a long s for an s', '[{"name":"lan","name\u017fpace":"a","ip\u017f":["192.0.2.5/24"]}]', 'a', ['192.0.2.5/24']],
    ['the sign for kelvin', '[{"name":"lan","\u212a":1,"namespace":"a"}]', 'a', undefined],
    ['keys with escapes', '[{"name":"lan","\\u006eamespace":"a"}]', 'a', undefined],
    ['null after a text, which leaves the text', '[{"name":"lan","namespace":"a","namespace":null}]', 'a', undefined],
    ['null after a list, which empties it', '[{"name":"lan","ips":["192.0.2.5/24"],"IPS":null}]', undefined, undefined],
    [
      'two namespaces, of which the last one counts',
      '[{"name":"lan","namespace":"b","NameSpace":"a"}]',
      'a',
      undefined,
    ],
  ])('sees what Multus sees in %s', (_what, text, namespace, ips) => {
    expect(parseNetworks(text)).toMatchObject([{ name: 'lan', namespace, ips }]);
  });

  test('sees what goes to the plugins in cni-args, wherever it stands', () => {
    const text = '[{"name":"lan","cni-arg\u017f":{"MAC":"x"},"cni-args":{"other":1}},{"name":"lan","cni-args":null}]';
    expect(parseNetworks(text)).toMatchObject([{ args: ['mac', 'other'] }, {}]);
  });
});

describe('editing the annotation', () => {
  test.each([
    ['a name becomes JSON when a MAC is added', 'lan', { 0: { mac: MAC } }, `[{"name":"lan","mac":"${MAC}"}]`],
    [
      'a list keeps its order, namespaces and interfaces when it becomes JSON',
      'a/x@eth5, lan',
      { 1: { mac: MAC } },
      `[{"name":"x","namespace":"a","interface":"eth5"},{"name":"lan","mac":"${MAC}"}]`,
    ],
    [
      'unknown keys, spaces and line breaks of a JSON list stay',
      '[\n  {"name" : "lan", "org.example.key": {"a":[1,"}"]}}\n]',
      { 0: { mac: MAC, ips: ['192.0.2.5/24'] } },
      `[\n  {"name" : "lan", "org.example.key": {"a":[1,"}"]},"mac":"${MAC}","ips":["192.0.2.5/24"]}\n]`,
    ],
    [
      'a MAC in another spelling is written anew, in its place',
      '[{"mac":"02-4D-00-00-00-01","name":"lan"}]',
      { 0: { mac: MAC } },
      `[{"mac":"${MAC}","name":"lan"}]`,
    ],
    [
      'the last of two keys is the one that counts',
      '[{"name":"lan","mac":"a","MAC":"b"}]',
      { 0: { mac: MAC } },
      `[{"name":"lan","mac":"a","MAC":"${MAC}"}]`,
    ],
    [
      'the same attachment twice gets two addresses',
      'lan,lan',
      { 0: { mac: MAC }, 1: { mac: '02:4d:00:00:00:02' } },
      `[{"name":"lan","mac":"${MAC}"},{"name":"lan","mac":"02:4d:00:00:00:02"}]`,
    ],
    [
      'quotes and backslashes in keys are no trouble',
      '[{"na\\u006de":"l\\"an"}]',
      { 0: { mac: MAC } },
      `[{"na\\u006de":"l\\"an","mac":"${MAC}"}]`,
    ],
  ])('%s', (_what, text, edits, expected) => {
    expect(edit(text, edits)).toBe(expected);
    expect(edit(expected, edits)).toBe(expected);
  });

  test('leaves text alone that it does not understand', () => {
    expect(edit('[{', { 0: { mac: MAC } })).toBe('[{');
  });

  const space = fc.constantFrom('', ' ', '\n', '\t ');
  const element = fc.record(
    {
      name: fc.constantFrom('lan', 'cams', 'a"b', 'ü'),
      'org.example': fc.jsonValue(),
      ips: fc.array(fc.constantFrom('192.0.2.1/24', 'fd00::1/64')),
      mac: fc.constantFrom(MAC, '02-4D-00-00-00-01'),
      interface: fc.string(),
    },
    { requiredKeys: ['name'] },
  );

  test('is the identity where nothing changes, whatever the text looks like', () => {
    fc.assert(
      fc.property(fc.array(element), space, fc.nat({ max: 3 }), (list, gap, indent) => {
        const text = gap + JSON.stringify(list, undefined, indent) + gap;
        const parsed = parseNetworks(text);
        if (isUnreadable(parsed)) throw new Error(parsed.wrong);
        const same = parsed.map(({ mac, ips }, index) => {
          const keys = { ...(mac === undefined ? {} : { mac }), ...(ips === undefined ? {} : { ips }) };
          return [index, keys] as const;
        });
        expect(editNetworks(text, new Map(same))).toBe(text);
      }),
    );
  });

  test('changes what it is asked to change and nothing else, in any valid text', () => {
    fc.assert(
      fc.property(fc.array(element, { minLength: 1 }), fc.nat({ max: 3 }), fc.nat(), (list, indent, pick) => {
        const index = pick % list.length;
        const edited = editNetworks(
          JSON.stringify(list, undefined, indent),
          new Map([[index, { mac: 'x', ips: ['y'] }]]),
        );
        const expected = list.map((item, i) => (i === index ? { ...item, mac: 'x', ips: ['y'] } : item));
        expect(JSON.parse(edited)).toEqual(JSON.parse(JSON.stringify(expected)));
      }),
    );
  });
});
