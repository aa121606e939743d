import { decodeBase64 } from "@std/encoding/base64";
import * as v from "valibot";
import { PUBLIC_KEY_BYTES } from "../../base/signing_key.ts";
import type {
  CommandPatch,
  CommandRecord,
  ToldKeys,
} from "../../store/records.ts";

/** Operation that makes a new key for its agent. */
export const ROTATE = "agent.Rotate";

/** Operation that tells its agent whom to trust. */
export const TRUST = "agent.Trust";

const Rotated = v.object({
  publicKey: v.pipe(
    v.string(),
    v.regex(/^[A-Za-z0-9+/]{43}=$/),
    v.transform((text) => decodeBase64(text)),
    v.check(({ length }) => length === PUBLIC_KEY_BYTES),
  ),
});

const Trusting = v.object({
  trust: v.pipe(
    v.array(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
    v.maxLength(16),
  ),
});

/** Keys that an agent tells with the end of a command; undefined for none. */
export function toldKeys(
  { operation }: Pick<CommandRecord, "operation">,
  { state, data }: Pick<CommandPatch, "state" | "data">,
): ToldKeys | undefined {
  if (state !== "succeeded" || typeof data !== "string") return undefined;
  if (operation === ROTATE) {
    const { output, success } = v.safeParse(Rotated, jsonOf(data));
    return success ? { nextKey: output.publicKey } : undefined;
  }
  if (operation === TRUST) {
    const { output, success } = v.safeParse(Trusting, jsonOf(data));
    return success ? { trust: output.trust } : undefined;
  }
  return undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
