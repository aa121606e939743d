import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "../base/sha256.ts";

/** Digits of a fingerprint: enough to tell states of one host apart. */
const DIGITS = 24;

/** Short hash of what a check observed. Keys must come in the same order each time. */
export function fingerprintOf(observed: unknown): string {
  return encodeHex(sha256(JSON.stringify(observed) ?? "")).slice(0, DIGITS);
}
