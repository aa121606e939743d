import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { readManifest } from "../../lib/update/manifest.ts";
import { updateKeys } from "../../lib/update/update_keys.ts";
import { compareVersions } from "../../lib/update/versions.ts";
import { TEST_KEY, TEST_KEY_LINE } from "../support/signed_release.ts";

Deno.test("versions are in the order of Semantic Versioning", () => {
  const versions = [
    "0.9.0",
    "0.10.0-alpha",
    "0.10.0-alpha.1",
    "0.10.0-alpha.beta",
    "0.10.0-beta.2",
    "0.10.0-beta.11",
    "0.10.0",
    "1.0.0",
    "10.0.0",
  ];

  assertEquals(versions.toReversed().toSorted(compareVersions), versions);
  assertEquals(compareVersions("0.1.0", "0.1.0"), 0);
});

const HASH = "a".repeat(64);

const MANIFEST = {
  version: "0.3.0",
  commit: "c0ffee",
  floor: "0.1.0",
  pieceBytes: 65_536,
  files: [{
    name: "piri-agent-linux-x64",
    product: "piri-agent",
    target: "linux-x64",
    size: 65_537,
    sha256: HASH,
    pieces: [HASH, HASH],
  }],
};

Deno.test("readManifest ignores keys of later releases, and names the one that is wrong", () => {
  const read = (value: unknown) =>
    readManifest(new TextEncoder().encode(JSON.stringify(value)));
  const refused = (value: unknown, reason: string) =>
    assertThrows(() => read(value), PiriError, reason);
  const [file] = MANIFEST.files;

  assertEquals(read({ ...MANIFEST, later: 1 }), MANIFEST);
  refused("x", '"JSON" is missing');
  refused({ ...MANIFEST, version: "../x" }, '"version" is missing');
  refused({ ...MANIFEST, floor: undefined }, '"floor" is missing');
  refused({ ...MANIFEST, pieceBytes: 1 << 30 }, '"pieceBytes" is missing');
  refused(
    { ...MANIFEST, files: [{ ...file, name: "../x" }] },
    '"files.0.name" is missing',
  );
  refused(
    { ...MANIFEST, files: [{ ...file, pieces: [HASH] }] },
    'it has 1 hashes of pieces for "piri-agent-linux-x64", and not 2',
  );
});

Deno.test("keys of updates are those of the build and those that were added", () => {
  assertEquals(updateKeys([]), []);
  assertEquals(updateKeys([TEST_KEY_LINE], TEST_KEY_LINE), [
    TEST_KEY,
    TEST_KEY,
  ]);
  assertThrows(() => updateKeys(["RW"]), PiriError, "public key of minisign");
});
