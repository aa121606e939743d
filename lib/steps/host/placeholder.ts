import { sha256 } from "../../base/sha256.ts";

/** Negative number that stands for an account which gets its own when it is made. No account has one. */
export function placeholderOf(kind: "user" | "group", name: string): number {
  const bytes = sha256(`${kind} ${name}`);
  return -2 - (new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) >>> 1);
}
