import { basename, dirname, resolve } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { fileError } from "../../files/file_errors.ts";
import { HostFolder } from "../../files/host_files.ts";
import type { TreeEntry } from "../../files/tree.ts";
import { walk } from "../../files/tree_reader.ts";
import type { Output } from "../output.ts";
import { endsAsFolder } from "./host_path.ts";
import type { LocalFile } from "./send_files.ts";

/** Reads files and folders here, with the hashes of all content. */
export async function readSources(
  sources: readonly string[],
  { isInto, output, signal }: {
    readonly isInto: boolean;
    readonly output: Output;
    readonly signal: AbortSignal;
  },
): Promise<{ entries: TreeEntry[]; files: LocalFile[] }> {
  const entries: TreeEntry[] = [];
  const files: LocalFile[] = [];
  const names = new Set<string>();
  const others: string[] = [];
  const options = { signal, onOther: (path: string) => others.push(path) };
  for (const source of sources) {
    const path = placeOf(source);
    const root = isInto ? basename(path) : "";
    if (names.has(root)) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        `Cannot put: two of the sources are named "${root}"`,
      );
    }
    names.add(root);
    using folder = openFolder(dirname(path));
    for await (
      const found of walk(folder, basename(path), root, options)
    ) {
      const { entry } = found;
      entries.push(entry);
      if (entry.kind !== "file") continue;
      const { sha256, size } = entry;
      files.push({ sha256, size, path: found.folder.shownAt(found.name) });
    }
  }
  for (const path of others) {
    await output.note(`left out, as it is no file, folder or link: ${path}`);
  }
  return { entries, files };
}

/** Path of a source. With "/" at its end, that of the folder that it leads to. */
function placeOf(source: string): string {
  if (!endsAsFolder(source)) return resolve(source);
  try {
    return Deno.realPathSync(source);
  } catch (error) {
    throw fileError("read", source, error);
  }
}

function openFolder(path: string): HostFolder {
  try {
    return HostFolder.open(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
}
