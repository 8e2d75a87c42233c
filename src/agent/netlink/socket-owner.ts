// Whose an abstract socket of the node's network is, by the kernel's word. Nothing is asked of its owner, who may be deaf on purpose.
import type { Addon } from './addon.ts';
import * as k from './constants.ts';
import { MessageWriter, readAttributes, readU32 } from './message.ts';
import { RequestSocket } from './socket.ts';

/** struct unix_diag_req, and struct unix_diag_msg. */
const REQUEST_HEADER = 24;
const ANSWER_HEADER = 16;

/**
 * The user ids of the processes that have bound a stream socket to this name, each once; none when the kernel has no such socket, or does not say (it
 * lacks CONFIG_UNIX_DIAG, or is older than 5.3).
 * @param name without the zero byte in front of it
 */
export async function readSocketOwners(addon: Addon, name: string): Promise<readonly number[]> {
  const owners = new Set<number>();
  try {
    const socket = new RequestSocket({ ...addon, open: (_groups, _size, callback) => addon.openDiag(callback) });
    try {
      await socket.dump(encodeUnixDump(), ({ body }) => {
        // Names of datagram sockets are others.
        if (body.readUInt8(1) !== k.SOCK_STREAM) return;
        const attributes = readAttributes(body, ANSWER_HEADER);
        const owner = readU32(attributes.get(k.UNIX_DIAG_UID));
        const found = attributes.get(k.UNIX_DIAG_NAME)?.toString('latin1');
        if (found === `\0${name}` && owner !== undefined) owners.add(owner);
      });
    } finally {
      await socket.close();
    }
  } catch {
    return [];
  }
  return [...owners];
}

function encodeUnixDump(): Buffer {
  const header = Buffer.alloc(REQUEST_HEADER);
  header.writeUInt8(k.AF_UNIX, 0);
  // Not connections to it, which have its name as well.
  header.writeUInt32LE((1 << k.TCP_LISTEN) | (1 << k.TCP_CLOSE), 4);
  header.writeUInt32LE(k.UDIAG_SHOW_NAME | k.UDIAG_SHOW_UID, 12);
  return new MessageWriter(k.SOCK_DIAG_BY_FAMILY, k.NLM_F_REQUEST | k.NLM_F_DUMP).bytes(header).finish();
}
