import { createHash } from "node:crypto";
import { basename, dirname } from "@std/path";
import { byteCalls } from "../../lib/files/byte_calls.ts";
import { HostFolder } from "../../lib/files/host_files.ts";
import { partsOf, type TreeEntry } from "../../lib/files/tree.ts";
import { walk } from "../../lib/files/tree_reader.ts";
import {
  TreeWriter,
  type TreeWriterOptions,
} from "../../lib/files/tree_writer.ts";

// Opened once here: a test that opened it would fail for not closing it.
byteCalls();

/** SHA-256 of a text in hex digits. */
export function sha256Of(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Entry of a file with this content. */
export function fileOf(
  name: string,
  content: string,
  mode = 0o644,
): Extract<TreeEntry, { kind: "file" }> {
  const size = new TextEncoder().encode(content).length;
  const sha256 = sha256Of(content);
  return { kind: "file", name, mode, mtimeMs: 1_000, size, sha256 };
}

export function folderOf(name: string, mode = 0o755): TreeEntry {
  return { kind: "folder", name, mode, mtimeMs: 2_000 };
}

export function linkOf(name: string, target: string): TreeEntry {
  return { kind: "link", name, mtimeMs: 3_000, target };
}

/** Writes a tree as `path`, with contents by name. Returns the writer with its counts. */
export async function writeTree(
  path: string,
  entries: readonly TreeEntry[],
  {
    contents = {},
    isInto = false,
    ...options
  }: Partial<TreeWriterOptions> & {
    contents?: Readonly<Record<string, string>>;
    /** True if the entries are to be in `path` itself. */
    isInto?: boolean;
  } = {},
): Promise<TreeWriter> {
  using base = HostFolder.open(isInto ? path : dirname(path));
  const writer = new TreeWriter(base, entries, {
    rootName: isInto ? undefined : basename(path),
    signal: new AbortController().signal,
    ...options,
  });
  for (const file of await writer.plan()) {
    const content = contents[file.name] ?? "";
    const offset = writer.partOf(file);
    const bytes = new TextEncoder().encode(content).subarray(offset);
    await writer.write(file, pieces(bytes), offset);
  }
  await writer.finish();
  return writer;
}

/** Entries of what is at a path. */
export async function readTree(
  path: string,
  root = "",
): Promise<TreeEntry[]> {
  using folder = HostFolder.open(dirname(path));
  const { signal } = new AbortController();
  const options = { signal, onOther: () => {} };
  const walked = walk(folder, basename(path), root, options);
  return (await Array.fromAsync(walked)).map(({ entry }) => entry);
}

/** Names in a tree, with what they are. */
export function outline(entries: readonly TreeEntry[]): string[] {
  return entries.map((entry) => {
    const depth = partsOf(entry).join("/") || ".";
    return entry.kind === "link"
      ? `${depth} -> ${entry.target}`
      : `${depth} ${entry.kind}`;
  });
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) {
    yield await Promise.resolve(bytes.slice(at, at + 65_536));
  }
}
