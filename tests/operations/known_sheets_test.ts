import { assertEquals } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { KnownSheets } from "../../lib/operations/known_sheets.ts";
import { sha256 } from "../../lib/base/sha256.ts";
import { TempFolder } from "../support/temp_folder.ts";

function sheet(text: string): { hash: string; bytes: Uint8Array } {
  const bytes = new TextEncoder().encode(text);
  return { hash: encodeHex(sha256(bytes)), bytes };
}

Deno.test("a sheet is known once it was kept, also to a later run", async () => {
  await using folder = await TempFolder.make();
  const { hash, bytes } = sheet("one");
  const before = await new KnownSheets(folder.at("steps")).find(hash);
  await new KnownSheets(folder.at("steps")).keep(hash, bytes);

  assertEquals(before, undefined);
  assertEquals(await new KnownSheets(folder.at("steps")).find(hash), bytes);
});

Deno.test("a kept sheet that is not of its hash any more is not known", async () => {
  await using folder = await TempFolder.make();
  const known = new KnownSheets(folder.path);
  const { hash, bytes } = sheet("one");
  await known.keep(hash, bytes);
  await Deno.writeTextFile(folder.at("sheets", hash), "two");

  assertEquals(await known.find(hash), undefined);
});

Deno.test("the eight sheets that were used last are kept", async () => {
  await using folder = await TempFolder.make();
  const known = new KnownSheets(folder.path);
  const sheets = Array.from({ length: 10 }, (_, index) => sheet(`${index}`));
  const age = async (hash: string, seconds: number) => {
    const time = Date.now() / 1_000 - seconds;
    await Deno.utime(folder.at("sheets", hash), time, time);
  };
  for (const [index, { hash, bytes }] of sheets.entries()) {
    await known.keep(hash, bytes);
    await age(hash, 1_000 - index);
    // The first one is in use all the time.
    await known.find(sheets[0]?.hash ?? "");
  }
  const found = await Promise.all(sheets.map(({ hash }) => known.find(hash)));

  assertEquals(
    found.map((bytes) => bytes !== undefined),
    [true, false, false, ...Array(7).fill(true)],
  );
});

Deno.test("a sheet that cannot be kept costs nothing", async () => {
  await using folder = await TempFolder.make();
  await Deno.writeTextFile(folder.at("file"), "");
  const known = new KnownSheets(folder.at("file"));
  const { hash, bytes } = sheet("one");
  await known.keep(hash, bytes);

  assertEquals(await known.find(hash), undefined);
});
