import { createHmac } from "node:crypto";
import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "../../base/sha256.ts";
import type { DataOwner } from "../data/layers.ts";
import type { SecretFiles } from "./secret_files.ts";

/**
 * Keyed hashes of the values of an agent's secrets, by the secrets' names. They tell that a value has changed, and
 * nothing about the value to those who do not have the key.
 *
 * @param key text of the file with the keys of age
 */
export async function secretMacs(
  secrets: Pick<SecretFiles, "list" | "find">,
  owner: DataOwner,
  key: () => Promise<string>,
): Promise<ReadonlyMap<string, string>> {
  const macs = new Map<string, string>();
  const names = new Set((await secrets.list()).map(({ name }) => name));
  for (const name of [...names].toSorted()) {
    const secret = await secrets.find(name, owner);
    if (secret === undefined) continue;
    const hmac = createHmac("sha256", sha256(`piri secret mac ${await key()}`));
    hmac.update(`${name}\0${secret.value.open()}`);
    macs.set(name, encodeHex(new Uint8Array(hmac.digest())));
  }
  return macs;
}
