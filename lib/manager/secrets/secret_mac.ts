import { createHmac } from "node:crypto";
import { sha256 } from "../../base/sha256.ts";
import type { Sealed } from "../../base/sealed.ts";

/**
 * Keyed hash of a secret's value. It tells that the value has changed, and nothing about it to those who do not have the
 * key.
 *
 * @param identity private key of age by which files of secrets are read
 */
export function secretMac(
  identity: string,
  name: string,
  value: Sealed,
): string {
  const hmac = createHmac("sha256", sha256(`piri secret mac ${identity}`));
  hmac.update(`${name}\0${value.open()}`);
  return hmac.digest("hex");
}
