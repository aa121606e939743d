import { join } from "@std/path";
import { hexSha256 } from "./hashes.ts";

/** Name of the file with the sums of all others. */
export const SUMS = "SHA256SUMS";

/**
 * Differences between the files of two folders, one a line. Signatures are left out: only their owner makes them.
 *
 * @param suffixes Suffixes of files that this machine cannot make. They are left out, and what the sums say of them is.
 */
export async function differences(
  expected: string,
  actual: string,
  suffixes: readonly string[] = [],
): Promise<string[]> {
  const isMade = (name: string) => !suffixes.some((end) => name.endsWith(end));
  const [ours, theirs] = [
    await hashesIn(actual, isMade),
    await hashesIn(expected, isMade),
  ];
  const names = new Set([...theirs.keys(), ...ours.keys()]);
  return [...names].toSorted().flatMap((name) => {
    if (!ours.has(name)) return [`${name} is not made by this build`];
    if (!theirs.has(name)) return [`${name} is missing in ${expected}`];
    const same = ours.get(name) === theirs.get(name);
    return same ? [] : [
      `${name} differs: ${theirs.get(name)} there, ${
        ours.get(name)
      } by this build`,
    ];
  });
}

async function hashesIn(
  folder: string,
  isMade: (name: string) => boolean,
): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || name.endsWith(".minisig") || !isMade(name)) continue;
    const bytes = name === SUMS
      ? sumsOfMade(await Deno.readTextFile(join(folder, name)), isMade)
      : await Deno.readFile(join(folder, name));
    hashes.set(name, `${bytes.length} bytes, SHA-256 ${hexSha256(bytes)}`);
  }
  return hashes;
}

/** Sums without those of files that this machine cannot make. */
function sumsOfMade(
  text: string,
  isMade: (name: string) => boolean,
): Uint8Array<ArrayBuffer> {
  const lines = text.split("\n").filter((line) => isMade(line));
  return new TextEncoder().encode(lines.join("\n"));
}
