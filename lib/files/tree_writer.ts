import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "../base/errors.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { fileError } from "./file_errors.ts";
import {
  factsAt,
  type FileFacts,
  HostFolder,
  linkAt,
  makeFolder,
  makeLink,
  openPlain,
  rename,
  setMode,
  setOwner,
  setTime,
} from "./host_files.ts";
import { shownName } from "./names.ts";
import {
  isWorthKeeping,
  partAt,
  removeQuietly,
  temporaryOf,
  writePart,
} from "./partial_file.ts";
import { keepAside, type OpenPlace, prune } from "./prune.ts";
import { childrenIn, partsOf, type TreeEntry, type TreeFile } from "./tree.ts";
import { hashAt } from "./tree_reader.ts";

const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

/** Most entries of a tree that are written to the disk one by one. */
const FEW_ENTRIES = 16;

/** Choices for writing a tree. */
export interface TreeWriterOptions {
  /** Name of the tree's root in the folder; absent if its entries are to be in the folder itself. */
  readonly rootName?: string | undefined;
  /** Mode of all files instead of their own. */
  readonly fileMode?: number | undefined;
  /** Bits of modes that are taken over. */
  readonly modeMask?: number;
  /** Owner and group of everything; those that are there, or the own ones, if absent. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** True if what is replaced or deleted stays as NAME~. */
  readonly backup?: boolean;
  /** True if folders above the one that is written into may be new: they are to survive a power cut as well. */
  readonly hasNewParents?: boolean;
  /** True if what the tree does not have is deleted from its folders. */
  readonly delete?: boolean;
  readonly signal: AbortSignal;
  readonly random?: Random;
}

/** Counts of what was done. */
export interface TreeSummary {
  files: number;
  bytes: number;
  unchanged: number;
  folders: number;
  links: number;
  attributes: number;
  deleted: number;
}

/**
 * Writes a tree into a folder: first `plan`, then `write` for each file that it returns, then `finish`.
 *
 * Nothing is written outside the folder: a link is replaced or refused, and never followed. Each file is written beside
 * and renamed, so that it is there whole or not at all.
 */
export class TreeWriter {
  readonly summary: TreeSummary = {
    files: 0,
    bytes: 0,
    unchanged: 0,
    folders: 0,
    links: 0,
    attributes: 0,
    deleted: 0,
  };
  readonly #base: HostFolder;
  readonly #entries: readonly TreeEntry[];
  readonly #options: TreeWriterOptions;
  /** Names of the entries in each folder, once they are needed. */
  #children: Map<string, Set<string>> | undefined;

  constructor(
    base: HostFolder,
    entries: readonly TreeEntry[],
    options: TreeWriterOptions,
  ) {
    this.#base = base;
    this.#entries = entries;
    this.#options = options;
  }

  /**
   * Makes the folders and links, and returns the files whose content differs.
   *
   * @throws {PiriError} FAILED_PRECONDITION if something else is in the way; DENIED, DISK; CANCELLED
   */
  async plan(): Promise<TreeFile[]> {
    const needed: TreeFile[] = [];
    for (const entry of this.#entries) {
      this.#throwIfCancelled();
      using place = this.#placeOf(entry);
      const { folder, name } = place;
      const facts = attempt(place, () => factsAt(folder.at(name)));
      if (entry.kind === "folder") this.#planFolder(place, facts);
      else if (entry.kind === "link") this.#putLink(place, facts, entry);
      else if (await this.#isThere(place, facts, entry)) {
        this.summary.unchanged++;
        this.#setAttributes(place, entry);
      } else needed.push(entry);
    }
    return needed;
  }

  /**
   * Bytes of a file that an earlier attempt has written already. `write` goes on behind them, so this is to be asked
   * just before it.
   */
  partOf(entry: TreeFile): number {
    using place = this.#placeOf(entry);
    return partAt(place.folder, temporaryOf(entry));
  }

  /**
   * Writes the content of one file, or the rest of it from `offset` on.
   *
   * @throws {PiriError} FAILED_PRECONDITION if the content is not that of the tree; DENIED, DISK; CANCELLED
   */
  async write(
    entry: TreeFile,
    pieces: AsyncIterable<Uint8Array>,
    offset = 0,
  ): Promise<void> {
    using place = this.#placeOf(entry);
    const { folder, name } = place;
    const { signal } = this.#options;
    const temporary = temporaryOf(entry);
    const beside = { ...place, name: temporary };
    try {
      await writePart(beside, entry, { pieces, offset, signal });
      const before = attempt(place, () => factsAt(folder.at(name)));
      this.#setOwner(beside, before?.kind === "file" ? before : undefined);
      this.#setAttributes(beside, entry);
      if (this.#options.backup) this.#backUp(place, before);
      attempt(place, () => rename(folder.at(temporary), folder.at(name)));
    } catch (error) {
      if (!isWorthKeeping(entry, error)) removeQuietly(folder.at(temporary));
      throw error;
    }
    this.summary.files++;
    this.summary.bytes += entry.size;
  }

  /** Deletes what is too much, gives the folders their attributes, and makes all of it last. */
  async finish(): Promise<void> {
    for (const entry of this.#entries.toReversed()) {
      if (entry.kind !== "folder") continue;
      this.#throwIfCancelled();
      using place = this.#placeOf(entry);
      if (this.#options.delete) this.#prune(place, entry);
      this.#setAttributes(place, entry);
    }
    await this.#sync();
  }

  /**
   * Makes all of it survive a power cut. For a large tree one call writes the whole file system; for a small one that
   * would wait for what others have written.
   */
  async #sync(): Promise<void> {
    const { hasNewParents = false } = this.#options;
    const isFew = this.#entries.length <= FEW_ENTRIES && !hasNewParents;
    for (const entry of isFew ? this.#entries : []) {
      using place = this.#placeOf(entry);
      using undo = new DisposableStack();
      const opened = openToSync(place, entry.kind);
      if (opened === undefined) return this.#base.sync();
      for (const each of opened) undo.use(each);
      try {
        for (const each of opened) await each.sync();
      } catch (error) {
        throw fileError("write", place.folder.shownAt(place.name), error);
      }
    }
    if (!isFew) this.#base.sync();
  }

  #planFolder(place: Place, facts: FileFacts | undefined): void {
    if (facts?.kind === "folder") return;
    if (facts !== undefined) throw inTheWay(place, facts, "a folder");
    attempt(place, () => makeFolder(place.folder.at(place.name)));
    this.#setOwner(place, undefined);
    this.summary.folders++;
  }

  #putLink(
    place: Place,
    facts: FileFacts | undefined,
    { target, mtimeMs }: Extract<TreeEntry, { kind: "link" }>,
  ): void {
    const { folder, name } = place;
    if (facts?.kind === "folder" || facts?.kind === "other") {
      throw inTheWay(place, facts, "a link");
    }
    attempt(place, () => {
      const path = folder.at(name);
      if (facts?.kind === "link" && linkAt(path) === target) return;
      const { random = systemRandom } = this.#options;
      const temporary = folder.at(`.piri-${encodeHex(random.bytes(8))}`);
      makeLink(target, temporary);
      setTime(temporary, mtimeMs);
      if (this.#options.backup) this.#backUp(place, facts);
      rename(temporary, path);
      this.#setOwner(place, undefined);
      this.summary.links++;
    });
  }

  async #isThere(
    place: Place,
    facts: FileFacts | undefined,
    { size, sha256 }: TreeFile,
  ): Promise<boolean> {
    if (facts?.kind === "folder" || facts?.kind === "other") {
      throw inTheWay(place, facts, "a file");
    }
    if (facts?.kind !== "file" || facts.size !== size) return false;
    const { folder, name } = place;
    return (await hashAt(folder, name, this.#options.signal)).sha256 === sha256;
  }

  /** Sets mode and time where they differ, and the owner if one is asked for. */
  #setAttributes(place: Place, entry: TreeEntry): void {
    const { folder, name } = place;
    const path = folder.at(name);
    const facts = attempt(place, () => factsAt(path));
    if (facts === undefined || facts.kind === "link") return;
    const mode = this.#modeOf(entry);
    let changed = this.#setOwner(place, undefined);
    attempt(place, () => {
      if (facts.mode !== undefined && (facts.mode !== mode || changed)) {
        setMode(path, mode);
        changed = true;
      }
      if (Math.floor(facts.mtimeMs) !== entry.mtimeMs) {
        setTime(path, entry.mtimeMs);
        changed = true;
      }
    });
    if (changed && !name.startsWith(".piri-")) this.summary.attributes++;
  }

  #modeOf(entry: TreeEntry): number {
    const { fileMode, modeMask = 0o7777 } = this.#options;
    if (entry.kind === "link") return FILE_MODE;
    if (entry.kind === "folder") return (entry.mode ?? FOLDER_MODE) & modeMask;
    return fileMode ?? (entry.mode ?? FILE_MODE) & modeMask;
  }

  /** Sets the owner that is asked for, else that of the file that is replaced. True if it changed. */
  #setOwner(place: Place, replaced: FileFacts | undefined): boolean {
    const { uid, gid } = this.#options;
    const path = place.folder.at(place.name);
    const facts = attempt(place, () => factsAt(path));
    const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;
    const wanted = {
      uid: uid ?? (isRoot ? replaced?.uid : undefined) ?? facts?.uid,
      gid: gid ?? (isRoot ? replaced?.gid : undefined) ?? facts?.gid,
    };
    if (wanted.uid === facts?.uid && wanted.gid === facts?.gid) return false;
    attempt(place, () => setOwner(path, wanted.uid ?? -1, wanted.gid ?? -1));
    return true;
  }

  #backUp(place: Place, facts: FileFacts | undefined): void {
    if (facts !== undefined) attempt(place, () => keepAside(place, facts));
  }

  /** Deletes what the tree does not have from one of its folders. */
  #prune(place: Place, { name }: TreeEntry): void {
    using inner = attempt(place, () => place.folder.enter(place.name));
    this.#children ??= childrenIn(this.#entries);
    const { signal, backup = false } = this.#options;
    const kept = this.#children.get(name) ?? new Set();
    this.summary.deleted += prune(inner, kept, { signal, backup });
  }

  /** Opens the folder that has an entry, step by step, so that no link is followed. */
  #placeOf(entry: TreeEntry): Place {
    const { rootName } = this.#options;
    const parts = partsOf(entry);
    if (rootName !== undefined) parts.unshift(rootName);
    const name = parts.pop() ?? "";
    using undo = new DisposableStack();
    let folder = this.#base;
    for (const part of parts) {
      const inner = attempt({ folder, name: part }, () => folder.enter(part));
      folder = undo.use(inner);
    }
    const opened = undo.move();
    return { folder, name, [Symbol.dispose]: () => opened.dispose() };
  }

  #throwIfCancelled(): void {
    if (!this.#options.signal.aborted) return;
    throw new PiriError(
      "CANCELLED",
      `Cannot write into "${this.#base.shown}": it was cancelled`,
    );
  }
}

/** Opens what is at a place, and its folder; undefined if the agent may write there and not read, or Deno cannot. */
function openToSync(
  { folder, name }: OpenPlace,
  kind: TreeEntry["kind"],
): Deno.FsFile[] | undefined {
  // Windows neither needs nor allows it.
  if (Deno.build.os === "windows") return [];
  const opened: Deno.FsFile[] = [];
  try {
    if (kind === "file") opened.push(openPlain(folder.at(name)));
    if (kind === "folder") {
      using inner = folder.enter(name);
      opened.push(Deno.openSync(inner.self));
    }
    opened.push(Deno.openSync(folder.self));
    return opened;
  } catch {
    for (const each of opened) each.close();
    return undefined;
  }
}

/** Place of an entry that is open. */
type Place = OpenPlace & Disposable;

function shownAt({ folder, name }: OpenPlace): string {
  return shownName(folder.shownAt(name));
}

function inTheWay(
  place: Place,
  { kind }: FileFacts,
  wanted: string,
): PiriError {
  const words = {
    file: "a file is there",
    folder: "a folder is there",
    link: "a link is there, and links are not followed",
    other: "a device, pipe or socket is there",
  };
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot write "${shownAt(place)}" as ${wanted}: ${words[kind]}`,
  );
}

function attempt<T>(
  place: OpenPlace,
  call: () => T,
): T {
  try {
    return call();
  } catch (error) {
    throw fileError("write", place.folder.shownAt(place.name), error);
  }
}
