import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import { readMinisignKey, verifyMinisign } from "../../lib/base/minisign.ts";
import { ROOT } from "../../scripts/build/build.ts";
import { timeOf } from "../../scripts/build/commit.ts";
import {
  packagesOf,
  stableBundle,
  withoutPaths,
} from "../../scripts/build/stable_bundle.ts";
import { TempFolder } from "../../scripts/local/temp_folder.ts";
import { differences } from "../../scripts/release/compare.ts";
import { pieceHashes } from "../../scripts/release/hashes.ts";
import { manifestOf } from "../../scripts/release/manifest.ts";
import { sumsOf } from "../../scripts/release/make.ts";
import { sbomOf } from "../../scripts/release/sbom.ts";
import { signFiles } from "../../scripts/release/sign.ts";

const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/** A folder with files. */
async function folderWith(files: Record<string, string>) {
  const folder = await TempFolder.make("piri-release-");
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(folder.at(name), text);
  }
  return folder;
}

Deno.test("the manifest names each file with target, size, hash and the hashes of its pieces", async () => {
  await using folder = await folderWith({ "b-x": "abc", "a-x": "" });
  const text = await manifestOf(
    { version: "1.2.3", commit: "c0ffee", deno: "2.7.11" },
    ["b-x", "a-x"].map((name) => ({
      path: folder.at(name),
      product: name.slice(0, 1),
      target: "x",
    })),
  );
  const { files, ...facts } = JSON.parse(text);

  assertEquals(facts, {
    version: "1.2.3",
    commit: "c0ffee",
    protocol: { from: 0, to: 2 },
    deno: "2.7.11",
    floor: "0.1.0",
    pieceBytes: 65536,
  });
  assertEquals(files.map(({ name }: { name: string }) => name), ["a-x", "b-x"]);
  assertEquals(files[1], {
    name: "b-x",
    product: "b",
    target: "x",
    size: 3,
    sha256: ABC,
    pieces: [ABC],
  });
});

Deno.test("a file is hashed in pieces of 64 KiB, the last one as short as it is", () => {
  const file = new Uint8Array(2 * 65536 + 3);
  file.set(new TextEncoder().encode("abc"), 2 * 65536);
  const [first, second, last, ...more] = pieceHashes(file);

  assertEquals(first, second);
  assertEquals(last, ABC);
  assertEquals(more, []);
  assertEquals(pieceHashes(new Uint8Array(0)), []);
});

const lock = JSON.stringify({
  npm: {
    "valibot@1.5.0": { integrity: "sha512-AQI=" },
    "@a/b@2.0.0_@c+d@1.0.0": { integrity: "sha512-AwQ=" },
    "old@1.0.0": { integrity: "sha1-AwQ=" },
  },
});

const sbom = {
  product: "piri-agent",
  version: "1.2.3",
  time: new Date(0),
  deno: "2.7.11",
  packages: ["valibot@1.5.0", "@a/b@2.0.0"],
  bases: [{ target: "linux-x64", origin: "there", sha256: ABC }],
  lock,
};

Deno.test("the bill of materials has all that CycloneDX 1.6 requires", () => {
  const made = JSON.parse(sbomOf(sbom));
  const all = [made.metadata.component, ...made.components];

  assertEquals([made.bomFormat, made.specVersion], ["CycloneDX", "1.6"]);
  assert(Number.isInteger(made.version) && made.version >= 1);
  assertEquals(made.metadata.timestamp, "1970-01-01T00:00:00.000Z");
  const kinds = ["application", "library", "platform"];
  for (const { type, name, "bom-ref": ref } of all) {
    assert(kinds.includes(type) && name.length > 0 && ref.length > 0);
  }
  const refs = all.map((each) => each["bom-ref"]);
  assertEquals(new Set(refs).size, refs.length);
  for (const { ref, dependsOn } of made.dependencies) {
    assertEquals([ref, ...dependsOn].filter((it) => !refs.includes(it)), []);
  }
  const lengths: Record<string, number> = { "SHA-256": 64, "SHA-512": 4 };
  for (const { hashes } of made.components) {
    for (const { alg, content } of hashes) {
      assertEquals([alg, content.length], [alg, lengths[alg]]);
    }
  }
});

Deno.test("the bill of materials lists packages with the hashes of the lock file, and the runtime", () => {
  const made = JSON.parse(sbomOf(sbom));
  const rows = made.components.map((
    { "bom-ref": ref, hashes: [{ content }] }: {
      "bom-ref": string;
      hashes: [{ content: string }];
    },
  ) => [ref, content]);

  assertEquals(rows, [
    ["pkg:npm/%40a/b@2.0.0", "0304"],
    ["pkg:npm/valibot@1.5.0", "0102"],
    ["denort-linux-x64@2.7.11", ABC],
  ]);
  for (const name of ["valibot@1.5.1", "old@1.0.0"]) {
    assertThrows(
      () => sbomOf({ ...sbom, packages: [name] }),
      PiriError,
      `deno.lock has no SHA-512 of "${name}"`,
    );
  }
});

Deno.test("differences names what differs, what is missing and what is too much, but no signature", async () => {
  await using one = await folderWith({
    a: "1",
    b: "2",
    c: "",
    "a.minisig": "",
  });
  await using other = await folderWith({ a: "1", b: "3", d: "" });
  const found = await differences(one.path, other.path);

  assertEquals(found.map((line) => line.split(",")[0]), [
    "b differs: 1 bytes",
    "c is not made by this build",
    `d is missing in ${one.path}`,
  ]);
  assertEquals(await differences(one.path, one.path), []);
});

Deno.test("sums are written as sha256sum checks them, and files are signed as minisign checks them", async () => {
  await using folder = await folderWith({ b: "abc", a: "abc" });
  const keys = join(ROOT, "tests/base/minisign");
  const sums = await sumsOf(folder.path, ["b", "a"]);
  await Deno.writeTextFile(folder.at("SHA256SUMS"), sums);
  await signFiles(folder.path, {
    keyFile: join(keys, "test.key"),
    names: ["SHA256SUMS"],
    version: "1.2.3",
  });

  assertEquals(sums, `${ABC}  a\n${ABC}  b\n`);
  assertEquals(
    verifyMinisign(
      new TextEncoder().encode(sums),
      await Deno.readTextFile(folder.at("SHA256SUMS.minisig")),
      [readMinisignKey(await Deno.readTextFile(join(keys, "test.pub")))],
    ),
    "piri 1.2.3 SHA256SUMS",
  );
});

const cached = (up: string) =>
  `// ${up}root/.cache/deno/npm/registry.npmjs.org`;

Deno.test("a bundle names packages and not where Deno's cache is", () => {
  const text = withoutPaths(
    `${
      cached("../../")
    }/@a/b/1.0.0/x.js\n  "../../c/npm/host/d/2.0.0-rc.1/y.js"(exports) {\n"https://x/npm/y/e/1.0.0/"`,
  );

  assertEquals(
    text,
    `// npm:@a/b@1.0.0/x.js\n  "npm:d@2.0.0-rc.1/y.js"(exports) {\n"https://x/npm/y/e/1.0.0/"`,
  );
  assertEquals(packagesOf(text), ["@a/b@1.0.0", "d@2.0.0-rc.1"]);
});

/** A bundle whose parts are named by the bundler, from a folder that is so far from Deno's cache. */
const parts = (up: string, a: string, b: string) =>
  new Map([
    ["main.js", `import "./chunk-${a}.js"; import("./help-${b}.js");`],
    [`chunk-${a}.js`, `${cached(up)}/a/1.0.0/x.js\nimport "./help-${b}.js";`],
    [`help-${b}.js`, `import "./chunk-${a}.js";`],
  ]);

Deno.test("the parts of a bundle are named by their content, wherever it was made", () => {
  const one = stableBundle(parts("../../", "AAAAAAAA", "BBBBBBBB"));
  const other = stableBundle(parts("../../../", "ZZZZZZZZ", "22222222"));
  const [, chunk = "", help = ""] = one.keys();

  assertEquals([...one], [...other]);
  assertEquals(
    one.get("main.js"),
    `import "./${chunk}"; import("./${help}");`,
  );
  assertEquals(one.get(help), `import "./${chunk}";`);
  assertEquals(one.has("chunk-AAAAAAAA.js"), false);
});

Deno.test("parts that cannot be told apart are refused", () => {
  const same = new Map([["chunk-AAAAAAAA.js", ""], ["chunk-BBBBBBBB.js", ""]]);

  assertThrows(() => stableBundle(same), PiriError, "two of them are the same");
});

Deno.test("the time of a build is the commit's, or what SOURCE_DATE_EPOCH says", async () => {
  await using none = await folderWith({});

  assertEquals(await timeOf(none.path, "1700000000"), new Date(1.7e12));
  assertEquals(await timeOf(none.path, ""), new Date(0));
  for (const wrong of ["yesterday", "-1", "1.5"]) {
    await assertRejects(() => timeOf(none.path, wrong), PiriError, "seconds");
  }
});
