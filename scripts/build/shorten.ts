import { join } from "@std/path";
import { transformSync } from "esbuild";

/** Length from which on a line is broken, in characters. */
const LINE_LENGTH = 160;

/**
 * Takes comments, spaces and line breaks out of the JavaScript files in a folder, and writes long forms shorter. Each
 * start of an executable reads all that is in it. Names stay: stack traces of agents should be readable.
 *
 * @param time Time of the files. An executable contains it.
 */
export async function shorten(folder: string, time: Date): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    const path = join(folder, name);
    // The other form starts a process whose end cannot be awaited.
    const { code } = transformSync(await Deno.readTextFile(path), {
      charset: "utf8",
      format: "esm",
      legalComments: "inline",
      lineLimit: LINE_LENGTH,
      minifySyntax: true,
      minifyWhitespace: true,
      target: "esnext",
    });
    await Deno.writeTextFile(path, code);
    await Deno.utime(path, time, time);
  }
}
