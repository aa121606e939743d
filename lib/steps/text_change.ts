import { bytesOf } from "./file_content.ts";
import type { FileContent } from "./host/host.ts";
import type { Change } from "./step_operation.ts";

/** Longest text whose difference is shown, and longest difference, in bytes. */
const MAX_TEXT_BYTES = 65_536;
/** Most lines that may differ: the search takes time that grows with them. */
const MAX_EDITS = 2_000;
const SHOWN_DIGITS = 12;

/** Change of a file's content by sizes and hashes. */
export function sizeChange(
  before: FileContent | undefined,
  after: FileContent,
): Change {
  return {
    what: "content",
    from: before === undefined ? "(absent)" : summaryOf(before),
    to: summaryOf(after),
  };
}

/** Change of a file's content. Texts are compared by lines, up to 64 KiB; else sizes and hashes tell. */
export async function contentChange(
  path: string,
  before: FileContent | undefined,
  after: FileContent,
): Promise<Change> {
  const change = sizeChange(before, after);
  const [from, to] = [await textOf(before, path), await textOf(after, path)];
  if (from === undefined || to === undefined) return change;
  return { ...change, ...await differenceOf(from, to) };
}

/** Counts of lines that differ, and the difference as a patch; nothing if it would be too long. */
export async function differenceOf(
  from: string,
  to: string,
): Promise<Pick<Change, "lines" | "text">> {
  // Loaded when it is needed: most checks find nothing to show.
  const { formatPatch, structuredPatch } = await import("diff");
  const patch = structuredPatch("before", "after", from, to, "", "", {
    context: 3,
    maxEditLength: MAX_EDITS,
  });
  if (patch === undefined) return {};
  const lines = patch.hunks.flatMap((hunk) => hunk.lines);
  const count = (mark: string) =>
    lines.filter((line) => line.startsWith(mark)).length;
  const text = formatPatch(patch).replace(/^(?:Index.*\n|=+\n)*/, "");
  return {
    lines: { added: count("+"), removed: count("-") },
    ...text.length > MAX_TEXT_BYTES ? {} : { text },
  };
}

function summaryOf({ size, sha256 }: FileContent): string {
  return `${size} bytes, ${sha256.slice(0, SHOWN_DIGITS)}`;
}

async function textOf(
  content: FileContent | undefined,
  path: string,
): Promise<string | undefined> {
  if (content === undefined) return "";
  if (content.size > MAX_TEXT_BYTES) return undefined;
  return asText(await bytesOf(content, MAX_TEXT_BYTES, `"${path}"`));
}

/** Text of bytes in UTF-8; undefined if they are something else. */
export function asText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}
