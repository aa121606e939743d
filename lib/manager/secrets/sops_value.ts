import { createCipheriv, createDecipheriv } from "node:crypto";
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { PiriError } from "../../base/errors.ts";

/** Bytes of a nonce, as SOPS has them. */
export const NONCE_BYTES = 32;

const FORM =
  /^ENC\[AES256_GCM,data:([^,]*),iv:([^,]+),tag:([^,]+),type:([a-z]+)\]$/;

/** True for a text that SOPS has encrypted. */
export function isEncrypted(value: unknown): value is string {
  return typeof value === "string" && FORM.test(value);
}

/** Key of a file, and what a value is bound to: its path, or the time of the last change. */
export interface ValueKey {
  readonly key: Uint8Array;
  readonly bound: string;
}

/** Encrypts a text as SOPS does. */
export function encryptValue(
  text: string,
  { key, bound, nonce }: ValueKey & { readonly nonce: Uint8Array },
): string {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(new TextEncoder().encode(bound));
  const data = new Uint8Array([
    ...cipher.update(new TextEncoder().encode(text)),
    ...cipher.final(),
  ]);
  return `ENC[AES256_GCM,data:${encodeBase64(data)},iv:${
    encodeBase64(nonce)
  },tag:${encodeBase64(new Uint8Array(cipher.getAuthTag()))},type:str]`;
}

/**
 * Decrypts a value as SOPS does, to its text.
 *
 * @throws {PiriError} CORRUPT
 */
export function decryptValue(
  value: string,
  { key, bound }: ValueKey,
  name: string,
): string {
  const [, data = "", iv = "", tag = ""] = FORM.exec(value) ?? [];
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, decodeBase64(iv), {
      authTagLength: 16,
    });
    decipher.setAAD(new TextEncoder().encode(bound));
    decipher.setAuthTag(decodeBase64(tag));
    return new TextDecoder().decode(
      new Uint8Array([
        ...decipher.update(decodeBase64(data)),
        ...decipher.final(),
      ]),
    );
  } catch (error) {
    throw new PiriError(
      "CORRUPT",
      `Cannot read "${name}": the value of "${bound}" was changed, or moved from elsewhere`,
      { cause: error },
    );
  }
}
