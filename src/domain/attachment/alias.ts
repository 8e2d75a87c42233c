// The alias of an attachment: the altname that the agent puts on a verified NIC and that every NAD names as its master.
import { ALIAS_PREFIX, LINK_NAME_MAX } from '../../api/names.ts';

const ROOM = LINK_NAME_MAX - ALIAS_PREFIX.length;
/** Cannot occur in a Kubernetes name, so a hashed alias never equals the plain alias of another attachment. */
const HASH_MARK = '~';
const HASH_CHARACTERS = ROOM - HASH_MARK.length;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * The alias of an attachment: `mva-<name>` where that fits the kernel's 15 characters, else `mva-~` and ten characters that
 * are a hash of the name. Depends on the name alone, so that controller and agents agree without talking.
 */
export function aliasFor(attachmentName: string): string {
  if (attachmentName.length <= ROOM) return ALIAS_PREFIX + attachmentName;
  return ALIAS_PREFIX + HASH_MARK + hashText(attachmentName);
}

function hashText(text: string): string {
  let rest = fnv1a64(text);
  let out = '';
  for (let i = 0; i < HASH_CHARACTERS; i++) {
    out += BASE32[Number(rest & 31n)];
    rest >>= 5n;
  }
  return out;
}

/** FNV-1a of the text's UTF-8 bytes; names are ASCII, so characters are bytes. Not for secrets: only to spread names. */
function fnv1a64(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) {
    hash ^= BigInt(text.charCodeAt(i) & 0xff);
    hash = BigInt.asUintN(64, hash * 0x100000001b3n);
  }
  return hash;
}
