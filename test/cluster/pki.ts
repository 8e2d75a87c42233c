// The certificates of one test cluster, made in process: an authority and what it issues, as PEM, with P-256 keys.
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A certificate and its private key, both PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** Who a certificate speaks for. Every one may serve and may be a client. */
export interface Subject {
  readonly commonName: string;
  readonly organization?: string;
  /** IPv4 addresses and DNS names that a server with this certificate answers for. */
  readonly names?: readonly string[];
}

export interface Authority {
  readonly cert: string;
  issue(subject: Subject): Issued;
}

const DAY_MS = 86_400_000;
const VALID_DAYS = 30;

/** A new authority, valid for thirty days like everything it issues. Its key stays in this process. */
export function createAuthority(commonName: string): Authority {
  const pair = newPair();
  const issuer = name({ commonName });
  const caExtensions = [
    extension('2.5.29.19', 'critical', sequence(der(0x01, Buffer.from([0xff])))), // basicConstraints: CA
    extension('2.5.29.15', 'critical', bits(Buffer.from([0x06]), 1)), // keyUsage: certificate and CRL signing
  ];
  const own = certificate(
    { issuer, subject: issuer, publicKey: pair.publicKey, extensions: caExtensions },
    pair.privateKey,
  );
  return {
    cert: own,
    issue: (subject) => {
      const leaf = newPair();
      const extensions = leafExtensions(subject.names ?? []);
      const facts = { issuer, subject: name(subject), publicKey: leaf.publicKey, extensions };
      return { cert: certificate(facts, pair.privateKey), key: privatePem(leaf.privateKey) };
    },
  };
}

/** A key pair alone, as the API server signs service account tokens with. */
export function createSigningKey(): { readonly privateKey: string; readonly publicKey: string } {
  const pair = newPair();
  const publicKey = createPublicKey(pair.privateKey).export({ type: 'spki', format: 'pem' }).toString();
  return { privateKey: privatePem(pair.privateKey), publicKey };
}

interface Facts {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

function newPair(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
}

function privatePem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function certificate(facts: Facts, signer: KeyObject): string {
  const algorithm = sequence(oid('1.2.840.10045.4.3.2')); // ecdsa-with-SHA256
  const now = Date.now();
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    algorithm,
    facts.issuer,
    sequence(time(now - DAY_MS), time(now + VALID_DAYS * DAY_MS)),
    facts.subject,
    facts.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...facts.extensions)),
  );
  const whole = sequence(body, algorithm, bits(sign('sha256', body, signer), 0));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function leafExtensions(names: readonly string[]): readonly Buffer[] {
  const usage = sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2')); // server and client
  const alternatives = names.map((text) =>
    isIPv4(text) ? der(0x87, Buffer.from(text.split('.').map(Number))) : der(0x82, Buffer.from(text)),
  );
  return [
    extension('2.5.29.15', 'critical', bits(Buffer.from([0x80]), 7)), // keyUsage: digital signature
    extension('2.5.29.37', 'plain', usage),
    ...(alternatives.length > 0 ? [extension('2.5.29.17', 'plain', sequence(...alternatives))] : []),
  ];
}

function extension(id: string, weight: 'critical' | 'plain', value: Buffer): Buffer {
  const critical = weight === 'critical' ? [der(0x01, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...critical, der(0x04, value));
}

function name(subject: Subject): Buffer {
  const part = (id: string, text: string) => der(0x31, sequence(oid(id), der(0x0c, Buffer.from(text))));
  const organization = subject.organization === undefined ? [] : [part('2.5.4.10', subject.organization)];
  return sequence(...organization, part('2.5.4.3', subject.commonName));
}

/** UTCTime, to the second. */
function time(ms: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

/** A positive integer whose first byte is below 0x80. */
function integer(value: Buffer): Buffer {
  return der(0x02, value);
}

function bits(value: Buffer, unused: number): Buffer {
  return der(0x03, Buffer.concat([Buffer.from([unused]), value]));
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): readonly number[] {
  const digits = [value & 0x7f];
  for (let left = value >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}

/** Tag, length, value. */
function der(tag: number, value: Buffer): Buffer {
  const size = value.length;
  if (size < 0x80) return Buffer.concat([Buffer.from([tag, size]), value]);
  const bytes = size < 0x100 ? [size] : [size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length, ...bytes]), value]);
}
