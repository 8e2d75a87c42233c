// Specs as nobody should write them: each field now and then right, now and then mistyped, huge, or meant to break out of its place.
import fc from 'fast-check';

/** Texts that have broken programs before: out of JSON, out of a path, out of a regular expression, out of a terminal. */
const TEXTS = [
  '',
  ' ',
  '"',
  '"}],"name":"stolen","plugins":[{"type":"evil"}]}',
  '\\',
  '\\u0022',
  '\u0000',
  '\u2028',
  '\ud800',
  '😀'.repeat(40),
  '../../../bin/sh',
  '$(reboot)',
  '{{ .Values.image }}',
  '__proto__',
  'constructor',
  '-1',
  '1e400',
  'NaN',
  'null',
  'a'.repeat(300),
  '*'.repeat(31),
  '\u001b[2J',
];

const NETWORKS = [
  '192.0.2.0/24',
  '192.0.2.128/25',
  '10.0.0.0/8',
  '0.0.0.0/0',
  '::/0',
  '2001:db8::/64',
  '2001:db8::/127',
  '192.0.2.0/33',
  '192.0.2.0/-1',
  '192.0.2.0/024',
  '192.0.2.7/24',
  '192.0.2.0',
  '::ffff:192.0.2.0/120',
  'fe80::1%eth0/64',
  '2001:db8::/129',
  '1.2.3.4/24/24',
  '0x7f.1/8',
];

const ADDRESSES = [
  '192.0.2.1',
  '192.0.2.10',
  '192.0.2.200',
  '192.0.2.255',
  '198.51.100.1',
  '2001:db8::1',
  '2001:db8::ffff',
  '2001:DB8:0:0::1',
  '::',
  '::ffff:192.0.2.1',
  '192.0.2.256',
  '192.0.2',
  '01.2.3.4',
  'fe80::1%eth0',
  '3232235777',
  'router',
];

const text = fc.oneof(fc.constantFrom(...TEXTS), fc.string({ unit: 'binary', maxLength: 20 }));
const network = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...NETWORKS) }, { weight: 1, arbitrary: text });
const address = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...ADDRESSES) }, { weight: 1, arbitrary: text });

/** Any JSON, now and then deeper than anybody writes; what is deeper still, no client of ours could send. */
const anyJson = fc.oneof(
  { weight: 6, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(40, 400).map((levels) => nested(levels)) },
);
const key = fc.oneof(
  text,
  fc.constantFrom(
    'ranges',
    'ipam',
    'name',
    'cniVersion',
    'prevResult',
    'TYPE',
    'Type',
    '__proto__',
    'capabilities',
    'master',
  ),
);

function nested(levels: number): unknown {
  return JSON.parse(`${'{"a":['.repeat(levels)}${']}'.repeat(levels)}`);
}

/** A field that may be missing. */
function maybe<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined, freq: 2 });
}

function listOf<T>(item: fc.Arbitrary<T>, most: number): fc.Arbitrary<T[]> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.array(item, { maxLength: 3 }) },
    { weight: 1, arbitrary: item.map((one) => Array.from({ length: most }, () => one)) },
  );
}

/** An object from entries, as JSON.parse makes it: `__proto__` is a key, and what is undefined is not there. */
function record(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<object> {
  return fc.record(fields).map((object) => JSON.parse(JSON.stringify(object)) as object);
}

const plugin = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('static', 'host-local', 'tuning', 'sbr', 'macvlan', 'a_b.c-d') },
      { weight: 1, arbitrary: text },
    ),
    fc.array(fc.tuple(key, anyJson), { maxLength: 4 }),
  )
  .map(([type, more]) => Object.fromEntries([...more, ['type', type]]));

const route = record({ to: network, via: maybe(address) });
const range = record({
  subnet: network,
  start: maybe(address),
  end: maybe(address),
  gateway: maybe(address),
});
const poolRange = record({
  subnet: network,
  start: maybe(address),
  end: maybe(address),
  gateway: maybe(address),
  exclude: maybe(listOf(fc.oneof(address, network), 80)),
});
const dns = record({
  nameservers: maybe(listOf(address, 9)),
  domain: maybe(fc.oneof(fc.constant('home.arpa'), text)),
  search: maybe(listOf(fc.oneof(fc.constant('home.arpa'), text), 40)),
  options: maybe(listOf(fc.oneof(fc.constant('ndots:2'), text), 20)),
});
const routes = maybe(listOf(route, 70));

/** The shape that the type wants, with hostile values in it. */
const shapedIpam = fc.oneof(
  record({
    type: fc.constant('DHCP'),
    dhcp: maybe(
      record({
        clientId: maybe(fc.constantFrom('MAC', 'PodName', 'Plugin')),
        hostName: maybe(fc.constantFrom('PodName', 'None')),
        request: maybe(
          record({
            options: listOf(fc.oneof(fc.constantFrom('121', 'routers', '0', '255', '1e2'), text), 40),
            defaults: maybe(fc.constantFrom('Add', 'Omit')),
          }),
        ),
      }),
    ),
  }),
  record({ type: fc.constant('Static'), static: maybe(record({ routes, dns: maybe(dns) })) }),
  record({ type: fc.constant('HostLocal'), hostLocal: record({ ranges: listOf(range, 20), routes }) }),
  record({ type: fc.constant('Pool'), pool: record({ ranges: listOf(poolRange, 20), routes, dns: maybe(dns) }) }),
  record({ type: fc.constant('None') }),
  fc.record({ type: fc.constant('Raw'), raw: fc.record({ config: plugin }) }),
);

const facts = record({
  name: maybe(fc.oneof(fc.constantFrom('eth0', 'enp3s0'), text)),
  namePattern: maybe(fc.oneof(fc.constantFrom('en*', '*'.repeat(31), `${'*?'.repeat(15)}b`, '[a-z]+', '(a+)+b'), text)),
  altName: maybe(fc.oneof(fc.constantFrom('lan0', 'mva-lan'), text)),
  mac: maybe(fc.oneof(fc.constantFrom('52:54:00:12:34:56', 'FF:FF:FF:FF:FF:FF'), text)),
  pciAddress: maybe(fc.oneof(fc.constantFrom('0000:03:00.0', '03:00.0'), text)),
  driver: maybe(fc.oneof(fc.constantFrom('igc', 'bond'), text)),
  subnet: maybe(network),
  defaultRoute: maybe(fc.constantFrom('IPv4', 'IPv6')),
});
const texts = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom('team', 'example.org/a', 'macvlan.dev/attachment'), text), text), {
    maxLength: 4,
  })
  .map((entries) => Object.fromEntries(entries));
const selector = record({
  matchLabels: maybe(texts),
  matchExpressions: maybe(
    listOf(
      record({
        key: text,
        operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'),
        values: maybe(listOf(text, 70)),
      }),
      40,
    ),
  ),
});

/** Every field has the right shape, and hostile values: what a schema without rules would let through. */
export const shapedSpec: fc.Arbitrary<Readonly<Record<string, unknown>>> = fc
  .record({
    parents: maybe(listOf(record({ nodeSelector: maybe(texts), interface: facts }), 70)),
    nodeSelector: maybe(selector),
    namespaces: record({
      names: maybe(listOf(fc.oneof(fc.constantFrom('home', 'shop'), text), 1100)),
      selector: maybe(selector),
    }),
    mode: maybe(fc.constantFrom('bridge', 'private', 'vepa', 'passthru')),
    mtu: maybe(fc.constantFrom(0, 68, 1500, 65_535, 70_000, -1)),
    ipam: shapedIpam,
    hostAccess: maybe(fc.constantFrom({ type: 'None' }, { type: 'Routed' })),
    pins: maybe(fc.constantFrom('Deny', 'Allow')),
    networkDefinition: maybe(record({ labels: maybe(texts), annotations: maybe(texts) })),
    cniVersion: maybe(fc.constantFrom('0.3.1', '1.0.0', '1.1.0')),
    chain: maybe(listOf(plugin, 9)),
  })
  .map((spec) => Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined)));

/** A spec that is right but for one or two fields: what gets furthest. */
const nearlyRight = fc
  .tuple(shapedSpec, fc.uniqueArray(fc.nat(11), { minLength: 1, maxLength: 2 }))
  .map(([hostile, picks]) => {
    const right = { namespaces: { names: ['home'] }, ipam: { type: 'DHCP' }, pins: 'Allow' };
    const fields = Object.entries(hostile);
    const chosen = picks.flatMap((pick) => (fields.length === 0 ? [] : [fields[pick % fields.length] ?? []]));
    return { ...right, ...Object.fromEntries(chosen.filter((field) => field.length === 2)) } as Record<string, unknown>;
  });

/** Not even the shape is right. */
const shapeless = fc.tuple(shapedSpec, key, anyJson).map(([spec, name, value]) => ({ ...spec, [name]: value }));

/** Whatever somebody may throw at the API server as the spec of an attachment. */
export const hostileSpec: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: nearlyRight },
  { weight: 2, arbitrary: shapedSpec },
  { weight: 1, arbitrary: shapeless },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
);

/** Names, most of which nothing may have. */
export const hostileName = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('lan', 'a-rather-long-name-of-a-lan', '7') },
  { weight: 1, arbitrary: fc.oneof(text, fc.constantFrom('lan.home', 'LAN', 'a/b', '%2e%2e', 'l'.repeat(64))) },
);
