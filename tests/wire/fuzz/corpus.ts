import { type Side, SIDES } from "./fuzz.ts";

/** Where inputs are kept: bytes as they go over a connection, a file each, and README.md that says what each is. */
export const CORPUS = new URL("../corpus/", import.meta.url);

/** A line of the README. */
export interface Kept {
  readonly file: string;
  /** The side that it was made for; it begins the file's name. */
  readonly side: Side;
  /** What it was kept for: the first one to reach this. A remark in brackets may follow in the file. */
  readonly reaches: string;
  /** How the connection ends when it is all that comes. */
  readonly end: string;
}

/** What the README says of the inputs that are kept. */
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

/** Keeps an input, and its line at the end of the README. */
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
