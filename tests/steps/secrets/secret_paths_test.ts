import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import {
  FINGERPRINT_KEY_FILE,
  fingerprintKey,
} from "../../../lib/steps/engine/fingerprint_key.ts";
import {
  SECRET_PATHS_FILE,
  SecretPaths,
} from "../../../lib/steps/secrets/secret_paths.ts";
import { countingRandom } from "../../support/counting_random.ts";
import { MemoryDisk } from "../../support/memory_disk.ts";

Deno.test("paths of files with secrets stay, each once, and the newest are kept", async () => {
  const disk = new MemoryDisk();
  const paths = await SecretPaths.load(disk);
  await paths.add(["/a", "/b", "/a"]);
  await paths.add(["/b"]);
  const many = Array.from({ length: 10_000 }, (_, n) => `/many/${n}`);

  const read = await SecretPaths.load(disk);
  assertEquals([...read.all], ["/a", "/b"]);
  await read.add(many);
  assertEquals([...(await SecretPaths.load(disk)).all], many);
});

Deno.test("a damaged file of paths is an error that says what to do", async () => {
  for (const text of ["{", '{"format":2,"paths":[]}', '{"format":1}', "null"]) {
    const disk = new MemoryDisk();
    await disk.replace(SECRET_PATHS_FILE, new TextEncoder().encode(text));

    const error = await assertRejects(() => SecretPaths.load(disk), PiriError);

    assertEquals(error.code, "CORRUPT", text);
  }
});

Deno.test("the key of fingerprints is made once, and again if it is damaged", async () => {
  const disk = new MemoryDisk();
  const random = countingRandom();

  const key = await fingerprintKey(disk, random);
  const again = await fingerprintKey(disk, random);
  await disk.replace(FINGERPRINT_KEY_FILE, new Uint8Array(3));
  const other = await fingerprintKey(disk, random);

  assertEquals(again, key);
  assertEquals([key.length, other.length], [32, 32]);
});
