// Base64 for what is compiled without Node's types and takes the decoder as an argument.

/** The text behind it. Characters that are no base64 are passed over. */
export function decodeBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}
