import { encodeHex } from "@std/encoding/hex";
import type { Terminal } from "../terminal.ts";

/** A fresh request id and the user, for a request. */
export function signatureOf(
  terminal: Terminal,
): { requestId: string; requestedBy: string } {
  return {
    requestId: encodeHex(terminal.random.bytes(16)),
    requestedBy: userOf(terminal),
  };
}

/** Name of the user by the environment. Only a claim: the connection proves the user. */
export function userOf(terminal: Terminal): string {
  return terminal.env("USER") ?? terminal.env("USERNAME") ?? "";
}
