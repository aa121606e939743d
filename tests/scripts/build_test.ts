import {
  assertEquals,
  assertLess,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import process from "node:process";
import { join } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import { findBase } from "../../scripts/build/base.ts";
import { ROOT } from "../../scripts/build/build.ts";
import { bundle, replaceOnce } from "../../scripts/build/bundle.ts";
import { commitOf } from "../../scripts/build/commit.ts";
import { elfSize } from "../../scripts/build/elf.ts";
import { isStale } from "../../scripts/build/fresh.ts";
import { manager } from "../../scripts/build/product.ts";
import { npmBase, requireIntegrity } from "../../scripts/build/npm_base.ts";
import { packData } from "../../scripts/build/packed_data.ts";
import { tarEntry } from "../../scripts/build/tar.ts";
import { targetNamed } from "../../scripts/build/target.ts";

/** A folder that goes away with the test, with files in it. */
async function folderWith(files: Record<string, string>) {
  const path = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(join(path, name, ".."), { recursive: true });
    await Deno.writeTextFile(join(path, name), text);
  }
  return {
    path,
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true });
    },
  };
}

const product = {
  name: "program",
  entry: "main.ts",
  workers: ["lib/worker.ts"],
  flags: [],
};

Deno.test("a bundle runs from its own folder, with its worker and its commit", async () => {
  await using sources = await folderWith({
    "version.ts": `export const COMMIT: string = "source";`,
    "lib/worker.ts":
      `import { COMMIT } from "../version.ts"; self.postMessage("worker of " + COMMIT);`,
    "lib/workers.ts":
      `export const url: URL = new URL("./worker.ts", import.meta.url);`,
    "main.ts": `import { COMMIT } from "./version.ts";
      import { url } from "./lib/workers.ts";
      const worker = new Worker(url, { type: "module" });
      worker.onmessage = ({ data }) => {
        console.log(COMMIT, data);
        worker.terminate();
      };`,
  });
  await using out = await folderWith({});

  const { main } = await bundle(product, {
    root: sources.path,
    folder: out.path,
    commit: "c0ffee",
    time: new Date(0),
  });
  await Deno.remove(join(sources.path, "lib"), { recursive: true });
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--allow-read", main],
  }).output();

  assertEquals(new TextDecoder().decode(stdout), "c0ffee worker of c0ffee\n");
});

Deno.test("a module that a program imports later is a file of its own, and is told its commit, too", async () => {
  await using sources = await folderWith({
    "version.ts": `export const COMMIT: string = "source";`,
    "later.ts": `import { COMMIT } from "./version.ts";
      export const text: string = "later, at " + COMMIT;`,
    "main.ts": `console.log((await import("./later.ts")).text);`,
  });
  await using out = await folderWith({});

  const { main } = await bundle({ ...product, workers: [] }, {
    root: sources.path,
    folder: out.path,
    commit: "c0ffee",
    time: new Date(0),
  });
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--allow-read", main],
  }).output();

  assertEquals(new TextDecoder().decode(stdout), "later, at c0ffee\n");
  assertEquals(
    (await Deno.readTextFile(main)).includes("later, at"),
    false,
  );
});

Deno.test("replaceOnce replaces a piece of text that is there once", () => {
  assertEquals(replaceOnce("a b c", "b", "x"), "a x c");
});

Deno.test("replaceOnce refuses text that is missing or there twice", () => {
  assertThrows(() => replaceOnce("a c", "b", "x"), PiriError, "0 times");
  assertThrows(() => replaceOnce("b b", "b", "x"), PiriError, "2 times");
});

/** An ELF header whose table of sections has two entries and ends at byte 192. */
function elf(length: number): Uint8Array {
  const file = new Uint8Array(length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  const view = new DataView(file.buffer);
  view.setBigUint64(0x28, 64n, true);
  view.setUint16(0x3a, 64, true);
  view.setUint16(0x3c, 2, true);
  return file;
}

Deno.test("elfSize is where the table of sections ends, whatever was appended", () => {
  assertEquals(elfSize(elf(192)), 192);
  assertEquals(elfSize(elf(5000)), 192);
});

Deno.test("elfSize refuses what is cut short or no ELF file", () => {
  assertThrows(() => elfSize(elf(191)), PiriError, "should have 192 bytes");
  assertThrows(() => elfSize(new Uint8Array(64)), PiriError, "it is not");
  assertThrows(() => elfSize(new Uint8Array(3)), PiriError, "it is not");
});

/** A tar archive with the parts of its headers that are read. */
function tar(files: Record<string, string>): Uint8Array {
  const bytes: number[] = [];
  for (const [path, text] of Object.entries(files)) {
    const header = new Uint8Array(512);
    header.set(new TextEncoder().encode(path));
    const size = text.length.toString(8).padStart(11, "0");
    header.set(new TextEncoder().encode(size), 124);
    const body = new Uint8Array(Math.ceil(text.length / 512) * 512);
    body.set(new TextEncoder().encode(text));
    bytes.push(...header, ...body);
  }
  return new Uint8Array([...bytes, ...new Uint8Array(1024)]);
}

Deno.test("tarEntry finds a file behind others of any size", () => {
  const archive = tar({ empty: "", "a/b": "x".repeat(513), "a/c": "found" });

  assertEquals(
    tarEntry(archive, "a/c"),
    new TextEncoder().encode("found"),
  );
});

Deno.test("tarEntry says so when the file is missing or cut short", () => {
  const archive = tar({ a: "x".repeat(513) });

  assertThrows(() => tarEntry(archive, "b"), PiriError, "it is not there");
  assertThrows(
    () => tarEntry(archive.subarray(0, 1000), "a"),
    PiriError,
    "the archive ends within it",
  );
});

Deno.test("requireIntegrity takes the pinned file and no other", () => {
  const pinned =
    "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";
  requireIntegrity("abc", new TextEncoder().encode("abc"), pinned);

  assertThrows(
    () => requireIntegrity("abc", new TextEncoder().encode("abd"), pinned),
    PiriError,
    'Cannot use "abc": its hash is',
  );
});

Deno.test("the base on npm is refused for any other version of Deno", async () => {
  await assertRejects(
    () => npmBase(targetNamed("linux-x64"), "unused", "2.9.6"),
    PiriError,
    "Cannot take the runtime base of Deno 2.9.6 for linux-x64 from npm",
  );
});

Deno.test("a base that is named by a path must be there", async () => {
  await assertRejects(
    () => findBase("no/such/file", targetNamed("linux-x64"), "unused"),
    PiriError,
    'Cannot use the runtime base "no/such/file": no such file',
  );
});

Deno.test("the commit is unknown outside of a checkout", async () => {
  await using folder = await folderWith({});

  assertEquals(await commitOf(folder.path), "unknown");
});

Deno.test("the commit of a checkout is its short hash", async () => {
  await using folder = await folderWith({ file: "1" });
  for (
    const args of [
      ["init", "--quiet"],
      ["add", "file"],
      [
        ...["-c", "user.name=a", "-c", "user.email=a@example.org"],
        ...["-c", "commit.gpgsign=false", "commit", "--quiet", "-m", "one"],
      ],
    ]
  ) {
    const git = new Deno.Command("git", { args, cwd: folder.path });
    assertEquals((await git.output()).code, 0);
  }

  assertMatch(await commitOf(folder.path), /^[0-9a-f]{12}$/);
  await Deno.writeTextFile(join(folder.path, "file"), "2");
  assertMatch(await commitOf(folder.path), /^[0-9a-f]{12}-dirty$/);
});

Deno.test("an executable is stale when missing, and once a source is newer", async () => {
  await using folder = await folderWith({ "lib/deep/a.ts": "", program: "" });
  const program = join(folder.path, "program");
  const sources = ["lib", "not-there.ts"];
  const later = new Date(Date.now() + 60_000);

  assertEquals(await isStale(`${program}.exe`, folder.path, sources), true);
  await Deno.utime(program, later, later);
  assertEquals(await isStale(program, folder.path, sources), false);
  const latest = new Date(later.getTime() + 1000);
  await Deno.utime(join(folder.path, "lib/deep/a.ts"), latest, latest);
  assertEquals(await isStale(program, folder.path, sources), true);
});

Deno.test("the version of the program is the one in deno.json", async () => {
  const { VERSION } = await import("../../lib/base/version.ts");
  const config = await Deno.readTextFile(join(ROOT, "deno.json"));

  assertEquals(JSON.parse(config).version, VERSION);
});

Deno.test("the Manager has permissions by name, so that it can give up single ones", () => {
  const all = ["--allow-all", "-A"];

  assertEquals(all.filter((flag) => manager.flags.includes(flag)), []);
});

Deno.test("long data in a bundle are packed, and are the same when it runs", () => {
  const data = new Uint8Array(3_000_000).fill(7, 1_000_000);
  const base64 = data.toBase64();
  const text = `const data = "${base64}", short = "${base64.slice(0, 100)}";`;

  const packed = packData(text);
  const run = new Function("process", `${packed} return { data, short };`);
  const made: { data: string; short: string } = run(process);

  assertLess(packed.length, 50_000);
  assertEquals(made.data === base64, true);
  assertEquals(made.short, base64.slice(0, 100));
});
