// The alias of an attachment: the altname that the agent puts on a verified NIC and that every NAD names as its master.
import { ALIAS_PREFIX, LINK_NAME_MAX } from '../../api/names.ts';
import { base32, hash64 } from '../net/hash.ts';

const ROOM = LINK_NAME_MAX - ALIAS_PREFIX.length;
/** Cannot occur in a Kubernetes name, so a hashed alias never equals the plain alias of another attachment. */
const HASH_MARK = '~';

/**
 * The alias of an attachment: `mva-<name>` where that fits the kernel's 15 characters, else `mva-~` and ten characters that
 * are a hash of the name. Depends on the name alone, so that controller and agents agree without talking.
 */
export function aliasFor(attachmentName: string): string {
  if (attachmentName.length <= ROOM) return ALIAS_PREFIX + attachmentName;
  return ALIAS_PREFIX + HASH_MARK + base32(hash64(attachmentName), ROOM - HASH_MARK.length);
}
