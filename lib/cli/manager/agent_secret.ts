import { decodeHex } from "@std/encoding/hex";
import { PiriError } from "../../base/errors.ts";
import { hashSecret } from "../../base/secret.ts";
import type { Terminal } from "../terminal.ts";
import { readTextFile } from "./text_file.ts";

/** Flags that give the secret of an agent that has one already. */
export interface SecretFlags {
  readonly "secret-file": string | undefined;
  readonly "secret-hash": string | undefined;
}

/**
 * SHA-256 of an agent's secret. The secret itself is not kept.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export async function secretHashOf(
  flags: SecretFlags,
  terminal: Terminal,
): Promise<Uint8Array | undefined> {
  const { "secret-file": file, "secret-hash": hash } = flags;
  if (file !== undefined && hash !== undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      'Cannot use "--secret-file" and "--secret-hash" together',
    );
  }
  if (file !== undefined) return await hashOfFile(file, terminal);
  return hash === undefined ? undefined : secretHashBytes(hash);
}

async function hashOfFile(
  path: string,
  terminal: Terminal,
): Promise<Uint8Array> {
  const text = await readTextFile("secret-file", path, terminal);
  // What editors and echo put at the end is not of the secret.
  const secret = text.replace(/\r?\n$/, "");
  if (secret !== "" && !/[\r\n]/.test(secret)) return hashSecret(secret);
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--secret-file ${path}": the secret should be its only line`,
  );
}

/**
 * Bytes of a SHA-256 in hex digits.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function secretHashBytes(text: string): Uint8Array {
  if (/^[0-9a-f]{64}$/i.test(text)) return decodeHex(text);
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "--secret-hash ${
      text.slice(0, 100)
    }": a SHA-256 has 64 hexadecimal digits`,
  );
}
