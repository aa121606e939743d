import { join } from "@std/path";
import { hexSha256 } from "./hashes.ts";

/** Differences between the files of two folders, one a line. Signatures are left out: only their owner makes them. */
export async function differences(
  expected: string,
  actual: string,
): Promise<string[]> {
  const [ours, theirs] = [await hashesIn(actual), await hashesIn(expected)];
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

async function hashesIn(folder: string): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || name.endsWith(".minisig")) continue;
    const bytes = await Deno.readFile(join(folder, name));
    hashes.set(name, `${bytes.length} bytes, SHA-256 ${hexSha256(bytes)}`);
  }
  return hashes;
}
