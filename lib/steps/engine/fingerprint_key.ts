import type { Disk } from "../../base/disk.ts";
import type { Random } from "../../base/random.ts";

/** Name of the file of the key. */
export const FINGERPRINT_KEY_FILE = "fingerprint.key";
const KEY_BYTES = 32;

/**
 * Key of this host for the fingerprints of what has secrets in it. It is made when there is none.
 *
 * @throws {PiriError} DISK
 */
export async function fingerprintKey(
  disk: Pick<Disk, "read" | "size" | "replace">,
  random: Random,
): Promise<Uint8Array> {
  if (await disk.size(FINGERPRINT_KEY_FILE) === KEY_BYTES) {
    return await disk.read(FINGERPRINT_KEY_FILE, 0, KEY_BYTES);
  }
  const key = random.bytes(KEY_BYTES);
  await disk.replace(FINGERPRINT_KEY_FILE, key);
  return key;
}
