import { fromFileUrl, join } from "@std/path";
import { run } from "./run.ts";

const PROGRAM = fromFileUrl(new URL("./shorten_files.ts", import.meta.url));
const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));

/**
 * Shortens the JavaScript files in a folder: each start of an executable reads all that is in it. Names stay, as stack
 * traces of agents should be readable.
 *
 * @param time Time of the files. An executable contains it.
 */
export async function shorten(folder: string, time: Date): Promise<void> {
  await run([
    ...[Deno.execPath(), "run", "--quiet", "--allow-all"],
    ...["--config", CONFIG, PROGRAM, folder],
  ]);
  for await (const { name } of Deno.readDir(folder)) {
    await Deno.utime(join(folder, name), time, time);
  }
}
