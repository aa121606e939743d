import { createHash } from "node:crypto";
import { PiriError } from "../base/errors.ts";
import { fileError } from "./file_errors.ts";
import {
  factsAt,
  type FileFacts,
  HostFolder,
  linkAt,
  namesIn,
  openToRead,
} from "./host_files.ts";
import { shownName } from "./names.ts";
import type { TreeEntry } from "./tree.ts";

const READ_BYTES = 262_144;

/** Entry of a walk, with the folder that it is in. */
export interface WalkedEntry {
  readonly entry: TreeEntry;
  readonly folder: HostFolder;
  /** Name in that folder. */
  readonly name: string;
}

/** Choices for a walk. */
export interface WalkOptions {
  /** Called with the path of what is neither a file, nor a folder, nor a link: it is left out. */
  readonly onOther: (path: string) => void;
  /** True for a name in the tree that is left out, with all that is in it; none if absent. */
  readonly isHidden?: (name: string) => boolean;
  /** Ends the walk when aborted. */
  readonly signal: AbortSignal;
}

/**
 * Walks through what is at a name in a folder, folders before all that is in them. Links are kept as links.
 *
 * @param root Name that the entry itself has in the tree; empty for the root.
 * @throws {PiriError} NOT_FOUND, DENIED, DISK; CANCELLED
 */
export async function* walk(
  folder: HostFolder,
  name: string,
  root: string,
  options: WalkOptions,
): AsyncGenerator<WalkedEntry> {
  const facts = attempt(folder, name, () => factsAt(folder.at(name)));
  if (facts === undefined) {
    throw new PiriError(
      "NOT_FOUND",
      `Cannot read "${
        shownName(folder.shownAt(name))
      }": there is no such file or folder`,
    );
  }
  if (facts.kind === "other") {
    return options.onOther(shownName(folder.shownAt(name)));
  }
  const entry = await entryAt(folder, name, { root, facts, options });
  yield { entry, folder, name };
  if (facts.kind !== "folder") return;
  using inner = attempt(folder, name, () => folder.enter(name));
  for (const each of attempt(folder, name, () => namesIn(inner.self))) {
    const below = root === "" ? each : `${root}/${each}`;
    if (options.isHidden?.(below)) continue;
    yield* walk(inner, each, below, options);
  }
}

async function entryAt(
  folder: HostFolder,
  name: string,
  { root, facts, options }: {
    root: string;
    facts: FileFacts;
    options: WalkOptions;
  },
): Promise<TreeEntry> {
  const { mode } = facts;
  const mtimeMs = Math.floor(facts.mtimeMs);
  const base = { name: root, mtimeMs, ...(mode === undefined ? {} : { mode }) };
  switch (facts.kind) {
    case "folder":
      return { kind: "folder", ...base };
    case "link": {
      const target = attempt(folder, name, () => linkAt(folder.at(name)));
      return { kind: "link", name: root, mtimeMs, target };
    }
    default: {
      // Its size is that of the bytes that were hashed: it may have grown since.
      const content = await hashAt(folder, name, options.signal);
      return { kind: "file", ...base, ...content };
    }
  }
}

/**
 * SHA-256 and size of a file.
 *
 * @throws {PiriError} NOT_FOUND, DENIED, DISK; CANCELLED
 */
export async function hashAt(
  folder: HostFolder,
  name: string,
  signal: AbortSignal,
): Promise<{ sha256: string; size: number }> {
  const hash = createHash("sha256");
  let size = 0;
  using file = attempt(folder, name, () => openToRead(folder.at(name)));
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    if (signal.aborted) throw cancelled(folder.shownAt(name));
    const count = await file.read(buffer).catch((error) => {
      throw fileError("read", folder.shownAt(name), error);
    });
    if (count === null) break;
    hash.update(buffer.subarray(0, count));
    size += count;
  }
  return { sha256: hash.digest("hex"), size };
}

function cancelled(path: string): PiriError {
  return new PiriError(
    "CANCELLED",
    `Cannot read "${shownName(path)}": it was cancelled`,
  );
}

function attempt<T>(folder: HostFolder, name: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError("read", folder.shownAt(name), error);
  }
}
