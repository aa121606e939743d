import { encodeHex } from "@std/encoding/hex";
import { sha256 as hashed } from "../../base/sha256.ts";
import { isWebUrl, shownUrl } from "../host/web.ts";
import type { BlobValue } from "../sheet.ts";
import { quoted, WrongValue } from "../wrong_value.ts";

/** @throws {WrongValue} for what is no URL of a server */
export function requireUrl(url: string): void {
  if (isWebUrl(url)) return;
  throw new WrongValue(
    ["url"],
    `${
      quoted(shownUrl(url))
    } is no URL to download: write it with https:// or http://`,
  );
}

/** @throws {WrongValue} for what is no SHA-256 */
export function requireSha256(sha256: string): void {
  if (/^[0-9a-f]{64}$/i.test(sha256)) return;
  throw new WrongValue(
    ["sha256"],
    `${
      quoted(sha256)
    } is no SHA-256, which has 64 hex digits; \`sha256sum FILE\` prints it`,
  );
}

/** @throws {WrongValue} for a file of the Manager that has another hash than the wanted one */
export function requireHash(
  source: string | BlobValue,
  sha256: string | undefined,
): void {
  if (sha256 === undefined) return;
  requireSha256(sha256);
  const now = typeof source === "string"
    ? encodeHex(hashed(source))
    : source.$blob.sha256;
  if (now === sha256.toLowerCase()) return;
  throw new WrongValue(
    ["sha256"],
    `the file of the Manager has the SHA-256 ${now}, and not ${sha256}`,
  );
}
