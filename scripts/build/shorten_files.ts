/**
 * Takes comments, spaces and line breaks out of the JavaScript files of a folder, and writes long forms shorter, in
 * ASCII: the runtime copies other text. A program of its own, since its library leaves a thread behind.
 *
 *     deno run -A scripts/build/shorten_files.ts FOLDER
 *
 * @module
 */
import { join } from "@std/path";
import { transformSync } from "esbuild";

/** Length from which on a line is broken, in characters. */
const LINE_LENGTH = 160;

const [folder = "."] = Deno.args;
for (const { name } of Deno.readDirSync(folder)) {
  const path = join(folder, name);
  const { code } = transformSync(Deno.readTextFileSync(path), {
    format: "esm",
    legalComments: "inline",
    lineLimit: LINE_LENGTH,
    minifySyntax: true,
    minifyWhitespace: true,
    target: "esnext",
  });
  Deno.writeTextFileSync(path, code);
}
