import { encodeHex } from "@std/encoding/hex";
import type { SignedWork } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { isoTime } from "../time.ts";

// How `--json` prints single values: what is absent is null.

/** Time in milliseconds since 1970, as ISO 8601 in UTC. */
export function time(ms: bigint | undefined): string | null {
  return ms === undefined ? null : isoTime(ms);
}

/** Bytes in hex digits. */
export function hex(bytes: Uint8Array): string | null {
  return bytes.length === 0 ? null : encodeHex(bytes);
}

/** A text. */
export function text(value: string): string | null {
  return value === "" ? null : value;
}

/** Statement that operators have signed of a job. */
export function signedJson(
  signed: SignedWork | undefined,
): Record<string, unknown> | null {
  if (signed === undefined) return null;
  return {
    statement: parsed(signed.statement),
    needed: signed.needed,
    signatures: signed.signatures.map(({ key, by, atMs }) => ({
      key,
      by,
      at: time(atMs),
    })),
  };
}

/** Value of JSON within JSON. Text that is not JSON stays text. */
export function parsed(json: string): unknown {
  if (json === "") return null;
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
