import { type Side, SIDES } from "./fuzz.ts";

/** Folder of the kept inputs: a file of bytes for each connection, and README.md that describes each. */
export const CORPUS = new URL("../corpus/", import.meta.url);

/** A line of the README. */
export interface Kept {
  readonly file: string;
  /** Side that the input was made for. The file's name begins with it. */
  readonly side: Side;
  /** Feature for which the input was kept, as the first to reach it. A remark in brackets may follow in the file. */
  readonly reaches: string;
  /** End of the connection after these bytes alone. */
  readonly end: string;
}

/** Reads the descriptions of the kept inputs from the README. */
export async function readIndex(): Promise<Kept[]> {
  const text = await Deno.readTextFile(new URL("README.md", CORPUS));
  const row = /^\| `([^`]+)` +\| (.*?)(?: \([^|]*\))? +\| (.*?) +\|$/gm;
  return [...text.matchAll(row)]
    .map(([, file = "", reaches = "", end = ""]) => ({
      file,
      side: sideOf(file),
      reaches,
      end,
    }));
}

export function readKept({ file }: Kept): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(new URL(file, CORPUS));
}

/** Keeps an input, and adds its line at the end of the README. */
export async function keep(
  kept: Kept,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  await Deno.writeFile(new URL(kept.file, CORPUS), bytes);
  const row = `| \`${kept.file}\` | ${kept.reaches} | ${kept.end} |\n`;
  await Deno.writeTextFile(new URL("README.md", CORPUS), row, { append: true });
}

function sideOf(file: string): Side {
  const side = SIDES.find((each) => file.startsWith(`${each}-`));
  if (side === undefined) throw new Error(`"${file}" is for no side`);
  return side;
}
