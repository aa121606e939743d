import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { PiriError } from "./errors.ts";

/** Certificate and its private key, both PEM. */
export interface Identity {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Label of a PEM block. */
export type PemLabel = "CERTIFICATE" | "PRIVATE KEY";

/** Encodes bytes as a PEM block (RFC 7468). */
export function encodePem(label: PemLabel, der: Uint8Array): string {
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${
    lines.join("\n")
  }\n-----END ${label}-----\n`;
}

/**
 * Decodes the first PEM block with this label.
 *
 * @throws {PiriError} CORRUPT
 */
export function decodePem(
  label: PemLabel,
  pem: string,
): Uint8Array<ArrayBuffer> {
  const block = new RegExp(
    `-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`,
  ).exec(pem);
  try {
    if (block?.[1] === undefined) throw new TypeError("no block");
    return decodeBase64(block[1].replaceAll(/\s/g, ""));
  } catch (cause) {
    const what = label.toLowerCase();
    throw new PiriError("CORRUPT", `Cannot read a ${what}: it is not PEM`, {
      cause,
    });
  }
}
