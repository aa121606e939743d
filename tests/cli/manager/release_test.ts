import { Ajv2020 } from "ajv/dist/2020.js";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { hashOf, signedRelease } from "../../support/signed_release.ts";
import { FakeManager } from "../fake_manager.ts";
import { aRelease } from "../fake_releases.ts";
import { jsonLines, see } from "./start.ts";

const PROGRAM = "a program";
const NAME = "piri-agent-linux-x64";

/** Files of a release in the folder `rel`. */
function release(program = PROGRAM): Record<string, string> {
  const decoder = new TextDecoder();
  const files = signedRelease("0.3.0", new TextEncoder().encode(PROGRAM));
  const manifest = files.get("manifest") ?? new Uint8Array();
  return {
    "rel/SHA256SUMS": `${hashOf(new TextEncoder().encode(program))}  ${NAME}\n${
      hashOf(manifest)
    }  piri-0.3.0.json\n`,
    "rel/piri-0.3.0.json": decoder.decode(manifest),
    "rel/piri-0.3.0.json.minisig": decoder.decode(files.get("signature")),
    [`rel/${NAME}`]: program,
  };
}

/** Checks lines of JSON against a schema of docs/schema. */
async function failures(name: string, stdout: string): Promise<unknown> {
  const url = new URL(
    `../../../docs/schema/${name}.schema.json`,
    import.meta.url,
  );
  const check = new Ajv2020({ formats: { "date-time": true } }).compile({
    ...JSON.parse(await Deno.readTextFile(url)),
    $schema: undefined,
  });
  const values = jsonLines(stdout);
  assertEquals(values.length, 2);
  return values.flatMap((value) => check(value) ? [] : [check.errors]);
}

Deno.test("release add sends the manifest, and the files that the Manager lacks", async () => {
  const manager = new FakeManager();
  const options = { manager, files: release() };
  const first = await see(["release", "add", "rel"], options);
  const sent = manager.blobs.pieces.length;
  const again = await see(["release", "add", "rel"], options);

  assertEquals([first.code, first.stdout], [
    0,
    `release 0.3.0 is kept: ${NAME}\n`,
  ]);
  assertStringIncludes(first.stderr, `sent ${NAME} (9 bytes)`);
  assertEquals([sent, manager.blobs.pieces.length], [2, 3]);
  assertEquals(again.code, 0);
  assertEquals(
    manager.releases.additions[0]?.signature,
    release()["rel/piri-0.3.0.json.minisig"],
  );
});

Deno.test("release add refuses what is not whole, and what has no signature", async () => {
  const { "rel/piri-0.3.0.json.minisig": _none, ...unsigned } = release();
  const files = release();
  for (
    const [given, says] of [
      [{}, "rel/SHA256SUMS"],
      [
        { "rel/SHA256SUMS": "" },
        "Cannot read the release: rel/SHA256SUMS names no manifest",
      ],
      [
        { ...files, "rel/piri-0.3.0.json": "{}" },
        'Cannot trust "piri-0.3.0.json": its SHA-256 is',
      ],
      [unsigned, "Cannot trust the release: piri-0.3.0.json has no signature"],
      [release("other"), `Cannot trust "${NAME}": its SHA-256 is`],
    ] as const
  ) {
    const manager = new FakeManager();
    const { code, stderr } = await see(["release", "add", "rel"], {
      manager,
      files: given,
    });
    assertEquals(code === 0, false, says);
    assertStringIncludes(stderr, says);
  }
});

Deno.test("release list shows what is missing, and release remove names a version", async () => {
  const manager = new FakeManager();
  const [whole, part] = [aRelease("0.3.0"), aRelease("0.2.0")];
  for (const file of part.files) file.here = false;
  manager.releases.known = [whole, part];
  const { stdout } = await see(["release", "list"], { manager });
  const json = await see(["release", "list", "--json"], { manager });
  await see(["release", "remove", "0.2.0"], { manager });

  assertEquals(stdout.split("\n").map((line) => line.trimEnd()), [
    "VERSION  COMMIT  FLOOR  FILES",
    `0.3.0    c0ffee  0.1.0  ${NAME}`,
    `0.2.0    c0ffee  0.1.0  ${NAME} (missing)`,
    "",
  ]);
  assertEquals(jsonLines(json.stdout)[0], {
    version: "0.3.0",
    commit: "c0ffee",
    floor: "0.1.0",
    files: [{
      name: NAME,
      product: "piri-agent",
      target: "linux-x64",
      size: "10",
      sha256: "a".repeat(64),
      here: true,
    }],
  });
  assertEquals(await failures("release", json.stdout), []);
  assertEquals(manager.releases.removals, ["0.2.0"]);
});
