import { assertEquals } from "@std/assert";
import { systemClock } from "../lib/base/clock.ts";
import { systemRandom } from "../lib/base/random.ts";
import { FileLock, isLocked } from "../lib/store/lock.ts";
import { serveBriefly } from "../lib/serve_briefly.ts";
import { refusal } from "./support/refusal.ts";
import { TempFolder } from "./support/temp_folder.ts";

Deno.test("a brief Manager on a folder that does not exist is refused, and makes none", async () => {
  await using folder = await TempFolder.make();
  const dir = folder.at("state");

  assertEquals(await refusalOf(dir), noManager(dir));
  assertEquals(await namesIn(folder.path), []);
});

Deno.test("a brief Manager on an empty folder is refused, and makes no lock in it", async () => {
  await using folder = await TempFolder.make();

  assertEquals(await refusalOf(folder.path), noManager(folder.path));
  assertEquals(await namesIn(folder.path), []);
});

Deno.test("a database is locked only while somebody holds its lock", async () => {
  await using folder = await TempFolder.make();
  const path = folder.at("piri.db");
  const before = await isLocked(path);
  const lock = await FileLock.take(path);
  const during = await isLocked(path);
  lock[Symbol.dispose]();

  assertEquals([before, during, await isLocked(path)], [false, true, false]);
});

/** Error of a brief Manager on a folder. */
async function refusalOf(dir: string): Promise<string> {
  return await refusal(serveBriefly({
    from: { dir },
    clock: systemClock,
    random: systemRandom,
    place: dir,
  }));
}

function noManager(dir: string): string {
  return `FAILED_PRECONDITION: Cannot use "${dir}": it is not a Manager's state folder; run piri-manager init first`;
}

async function namesIn(path: string): Promise<string[]> {
  return await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
}
