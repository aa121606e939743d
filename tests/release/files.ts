/**
 * Builds all executables of a release on bases from npm, reads them, and builds one again in another folder. It takes
 * minutes: `bash .ci/full release`.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { VERSION } from "../../lib/base/version.ts";
import { ROOT } from "../../scripts/build/build.ts";
import { wrongPages } from "../../scripts/build/code_pages.ts";
import { elfSize } from "../../scripts/build/elf.ts";
import { readMachO, tailOf } from "../../scripts/build/macho.ts";
import { readPe } from "../../scripts/build/pe.ts";
import { run } from "../../scripts/build/run.ts";
import { targetNamed, targets } from "../../scripts/build/target.ts";
import { TempFolder } from "../../scripts/local/temp_folder.ts";
import { differences } from "../../scripts/release/compare.ts";
import { makeRelease, manifestName } from "../../scripts/release/make.ts";

/** Text of each of our bundles: the bundler names the sources. */
const OURS = "// lib/base/version.ts";

/** Text of the program that the bases are taken from. */
const THEIRS = "@pls-version";

/** Number of places of a text in bytes. Searching a string is fast, searching bytes takes a minute. */
function count(bytes: Uint8Array, text: string): number {
  return new TextDecoder("latin1").decode(bytes).split(text).length - 1;
}

/** The payload of an executable, which must be inside of what is loaded. */
const payloadOf: Record<string, (file: Uint8Array) => Uint8Array> = {
  linux: (file) => file.subarray(elfSize(file)),
  windows: (file) => {
    const { sections, sizeOfImage, resources } = readPe(file);
    const found = sections.filter(({ name }) => name === ".pedata");
    const last = sections.at(-1);
    assert(found.length === 1 && last === found[0] && last !== undefined);
    assertEquals(resources.address, last.virtualAddress);
    assert(resources.size <= last.virtualSize);
    assert(last.size <= last.virtualSize, "longer than its memory");
    assert(last.virtualAddress + last.size <= sizeOfImage, "outside the image");
    assertEquals(last.offset + last.size, file.length);
    return file.subarray(last.offset);
  },
  darwin: (file) => {
    const { segments, signature } = readMachO(file);
    const link = segments.at(-1);
    assert(link?.name === "__LINKEDIT");
    assertEquals(link.offset + link.bytes, file.length);
    for (const { bytes, memory } of segments) assert(bytes <= memory);
    if (signature === undefined) return file.subarray(tailOf(file));
    const own = segments.filter(({ name }) => name === "__SUI");
    assertEquals(own.length, 1);
    assertEquals(wrongPages(file), []);
    const { offset = 0, bytes = 0 } = own[0] ?? {};
    return file.subarray(offset, offset + bytes);
  },
};

Deno.test("each executable of a release has one payload, ours, and the system loads all of it", async () => {
  await using out = await TempFolder.make("piri-ten-");
  await makeRelease({
    targets,
    denort: "npm",
    out: out.path,
    say: (line) => Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`)),
  });
  const { files } = JSON.parse(
    await Deno.readTextFile(out.at(manifestName(VERSION))),
  );
  for (const { name, target } of files) {
    const file = await Deno.readFile(out.at(name));
    const payload = payloadOf[targetNamed(target).os]?.(file);
    assert(payload !== undefined);
    const ours = count(file, OURS);
    assert(ours > 0, name);
    assertEquals(
      [name, count(payload, OURS), count(file, THEIRS)],
      [name, ours, 0],
    );
  }
  assertEquals(files.length, 14);
});

Deno.test("two checkouts of a commit in different folders make the same release", async () => {
  await using folder = await TempFolder.make("piri-twice-");
  const root = folder.at("a", "little", "deeper");
  await Deno.mkdir(root, { recursive: true });
  await run(["git", "clone", "--quiet", ROOT, root]);
  const made = [];
  for (const [index, from] of [root, folder.at("b")].entries()) {
    if (from !== root) await run(["git", "clone", "--quiet", root, from]);
    const out = folder.at(`out-${index}`);
    await makeRelease({
      targets: [targetNamed("linux-x64"), targetNamed("windows-x64")],
      denort: "npm",
      out,
      root: from,
      say: () => {},
    });
    made.push(out);
  }
  const [one = "", other = ""] = made;

  assertEquals(await differences(one, other), []);
});
