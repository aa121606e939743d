import { encodeHex } from "@std/encoding/hex";
import type { Terminal } from "../terminal.ts";

/** What makes a request one's own: an id that no other has, and who asks. */
export function signatureOf(
  terminal: Terminal,
): { requestId: string; requestedBy: string } {
  return {
    requestId: encodeHex(terminal.random.bytes(16)),
    requestedBy: userOf(terminal),
  };
}

/** Who asks, as the system names them. */
export function userOf(terminal: Terminal): string {
  return terminal.env("USER") ?? terminal.env("USERNAME") ?? "";
}
