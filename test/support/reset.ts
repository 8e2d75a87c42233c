// The end of a connection as a peer that crashed would make it.
import type { Socket } from 'node:net';

/**
 * Resets a connection, if there is one. One whose writing side is closed already is closed altogether instead: Node fails to reset a
 * socket that is shutting down, never lets go of it, and then cannot end.
 */
export function reset(socket: Socket | null): void {
  if (socket?.writableEnded === true) socket.destroy();
  else socket?.resetAndDestroy();
}
