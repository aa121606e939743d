import { assertEquals } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { fromFileUrl } from "@std/path";
import { scratchFile } from "../../lib/cli/scratch_file.ts";
import { TempFolder } from "../support/temp_folder.ts";

Deno.test("a scratch file gives back what was written, in pieces", async () => {
  using scratch = scratchFile();
  const written = Uint8Array.from({ length: 200_000 }, (_, at) => at % 251);
  await scratch.write(written.subarray(0, 70_001));
  await scratch.write(written.subarray(70_001));

  const pieces: Uint8Array[] = [];
  for await (const piece of scratch.read()) pieces.push(piece.slice());
  assertEquals(concat(pieces), written);
  assertEquals(pieces.every(({ length }) => length <= 65_536), true);
});

/** Starts the program that holds a scratch file, with this folder for temporary files, and waits for what it says. */
async function holdScratch(
  folder: string,
): Promise<{ child: Deno.ChildProcess; said: string }> {
  const program = fromFileUrl(new URL("./hold_scratch.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", program],
    env: { TMPDIR: folder, TEMP: folder, TMP: folder },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return { child, said: new TextDecoder().decode(value) };
}

Deno.test("a scratch file is gone once it is disposed of", async () => {
  await using folder = await TempFolder.make();
  const { child, said } = await holdScratch(folder.path);
  await child.stdin.close();
  await child.stdout.cancel();
  await child.status;

  assertEquals(said.startsWith("holds"), true);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test({
  name: "a scratch file is gone when its program is killed",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using folder = await TempFolder.make();
    const { child, said } = await holdScratch(folder.path);
    const names = [...Deno.readDirSync(folder.path)];
    child.kill("SIGKILL");
    await child.stdin.close().catch(() => {});
    await child.stdout.cancel();
    await child.status;

    assertEquals(said.startsWith("holds"), true);
    assertEquals(names, []);
  },
});

Deno.test({
  name: "a scratch file can be read by its user only",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await TempFolder.make();
    const { child, said } = await holdScratch(folder.path);
    await child.stdin.close();
    await child.stdout.cancel();
    await child.status;

    assertEquals(said, "holds 600\n");
  },
});
