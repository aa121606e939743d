import { basename, dirname, join, resolve } from "@std/path";
import { createHash } from "node:crypto";
import { PiriError } from "../../base/errors.ts";
import { joint } from "../../base/signals.ts";
import { fileError } from "../../files/file_errors.ts";
import {
  openFolderToWrite,
  realPlaceToWrite,
} from "../../files/folder_to_write.ts";
import { factsAt, linkAt, namesIn, openPlain } from "../../files/host_files.ts";
import { contentOfBytes } from "../file_content.ts";
import type {
  ContentOptions,
  Endpoint,
  FileContent,
  HostReader,
  PathFacts,
  ProgramAnswer,
  ProgramFinding,
  StepProgram,
  WebAnswer,
  WebRequest,
} from "./host.ts";
import { homesOf, mountPointsOf } from "./host_tables.ts";
import { LinkCircle, MAX_LINKS, unlessCircle } from "./link_circle.ts";
import { blobContent, type HostParts } from "./host_parts.ts";
import { findingOf } from "./program_finding.ts";
import { ProgramText } from "./program_text.ts";
import type { HostTable, SharedReads } from "./shared_reads.ts";
import { askServer } from "./web.ts";

/** Longest file that is hashed and kept in one read, in bytes. */
const MAX_WHOLE_BYTES = 65_536;
const READ_BYTES = 262_144;
/** Longest time to wait for a connection, in milliseconds. */
const CONNECT_MS = 5_000;

/** Means of looking at the host of an agent. */
export class RealReader implements HostReader {
  readonly self: HostReader["self"];
  protected readonly parts: HostParts;
  protected readonly reads: SharedReads;
  #homes: ReadonlySet<string> | undefined;
  #mountPoints: ReadonlySet<string> = new Set();
  #mountPointsAge = -1;

  constructor(
    parts: HostParts,
    reads: SharedReads,
    readonly signal: AbortSignal,
  ) {
    this.parts = parts;
    this.reads = reads;
    this.self = reads.self;
  }

  get clock(): HostParts["clock"] {
    return this.parts.clock;
  }

  facts(path: string): PathFacts | undefined {
    this.#judge(path);
    try {
      return factsOf(path);
    } catch (error) {
      throw fileError("read", path, error);
    }
  }

  followed(path: string): PathFacts | undefined {
    const facts = this.facts(path);
    if (facts?.kind !== "link") return facts;
    const place = unlessCircle(() => this.realPath(path));
    return place === undefined ? undefined : this.facts(place);
  }

  realPath(path: string, links = 0): string {
    try {
      return Deno.realPathSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.FilesystemLoop || links > MAX_LINKS) {
        throw new LinkCircle(path);
      }
      const above = dirname(path);
      if (above === path) return path;
      const place = join(this.realPath(above, links), basename(path));
      const target = targetOf(place);
      return target === undefined
        ? place
        : this.realPath(resolve(dirname(place), target), links + 1);
    }
  }

  pathToWrite(path: string): string {
    try {
      return Deno.build.os === "windows"
        ? this.realPath(path)
        : realPlaceToWrite(path);
    } catch (error) {
      if (error instanceof Deno.errors.FilesystemLoop) {
        throw new LinkCircle(path);
      }
      throw fileError("write", path, error);
    }
  }

  names(path: string): readonly string[] {
    this.#judge(path);
    try {
      return namesIn(path);
    } catch (error) {
      throw fileError("read", path, error);
    }
  }

  async content(
    path: string,
    { isToWrite = false }: ContentOptions = {},
  ): Promise<FileContent> {
    this.parts.require("read", path);
    try {
      // A thread of its own waits for the disk, and most files are small: that is four times faster.
      using file = isToWrite ? openOwn(path) : Deno.openSync(path);
      const { size } = file.statSync();
      return size <= MAX_WHOLE_BYTES
        ? smallContent(file, path, size)
        : await largeContent(file, path, this.signal);
    } catch (error) {
      throw fileError("read", path, error);
    }
  }

  blob(name: { sha256: string; size: number }): FileContent {
    return blobContent(name, this.parts, this.signal);
  }

  account(kind: "user" | "group", name: string): Promise<number | undefined> {
    return this.parts.accounts.find(kind, name);
  }

  isHome(path: string): boolean {
    return (this.#homes ??= homesOf()).has(path);
  }

  isMountPoint(path: string): boolean {
    // A program may have mounted something.
    if (this.#mountPointsAge !== this.reads.age) {
      this.#mountPointsAge = this.reads.age;
      this.#mountPoints = mountPointsOf();
    }
    return this.#mountPoints.has(path);
  }

  requireNow(): void {}

  async look(program: StepProgram): Promise<ProgramFinding> {
    const result = await this.parts.run(
      program,
      this.signal,
      () => Promise.resolve(),
    );
    return findingOf(result, program, this.signal);
  }

  async ask(program: StepProgram): Promise<ProgramAnswer> {
    const text = new ProgramText();
    const result = await this.parts.run(
      program,
      this.signal,
      (stream, bytes) => text.add(stream, bytes),
    );
    const { code } = findingOf(result, program, this.signal);
    return { code, ...text.end() };
  }

  shared<T>(table: HostTable, read: () => Promise<T>): Promise<T> {
    return this.reads.read(table, read);
  }

  /** Foresees nothing: a real host is as it is. */
  foreseen(): undefined {
    return undefined;
  }

  async answers({ host, port }: Endpoint): Promise<boolean> {
    this.parts.requireConnect();
    const late = new AbortController();
    const timer = this.clock.timer(CONNECT_MS, () => late.abort());
    using end = joint([this.signal, late.signal]);
    try {
      const options = { hostname: host, port, signal: end.signal };
      (await Deno.connect(options as Deno.ConnectOptions)).close();
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw notHere(error);
      return false;
    } finally {
      timer.cancel();
    }
  }

  async fetchStatus(url: string): Promise<number | undefined> {
    this.parts.requireConnect();
    const late = new AbortController();
    const timer = this.clock.timer(CONNECT_MS, () => late.abort());
    using end = joint([this.signal, late.signal]);
    try {
      const response = await fetch(url, { signal: end.signal });
      await response.body?.cancel();
      return response.status;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw notHere(error);
      return undefined;
    } finally {
      timer.cancel();
    }
  }

  async askServer(request: WebRequest): Promise<WebAnswer> {
    this.parts.requireConnect();
    return await askServer(request, this);
  }

  /** Judges a path once, until the host may have changed: its name and kind are no secret that a race could win. */
  #judge(path: string): void {
    const { judged } = this.reads;
    if (judged.has(path)) return;
    this.parts.require("read", path);
    judged.add(path);
  }
}

function factsOf(path: string): PathFacts | undefined {
  try {
    const facts = factsAt(path);
    if (facts === undefined) return undefined;
    const { kind, mode = 0, uid = 0, gid = 0, size } = facts;
    return {
      kind,
      mode,
      uid,
      gid,
      size,
      ...kind === "link" ? { target: linkAt(path) } : {},
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotADirectory) return undefined;
    if (error instanceof Deno.errors.FilesystemLoop) throw new LinkCircle(path);
    throw error;
  }
}

/** Opens a file in the folder that a write would find. */
function openOwn(path: string): Deno.FsFile {
  using folder = openFolderToWrite(dirname(path));
  return openPlain(folder.at(basename(path)));
}

function targetOf(path: string): string | undefined {
  try {
    return factsOf(path)?.target;
  } catch {
    return undefined;
  }
}

function smallContent(
  file: Deno.FsFile,
  path: string,
  expected: number,
): FileContent {
  // A file of the kernel has no size, and ends when it ends. One byte more tells that another one grows.
  const most = expected === 0 ? MAX_WHOLE_BYTES : expected;
  const buffer = new Uint8Array(most + 1);
  let size = 0;
  for (;;) {
    const read = file.readSync(buffer.subarray(size));
    if (read === null) return contentOfBytes(buffer.subarray(0, size));
    size += read;
    if (size > most) throw moved(path);
  }
}

async function largeContent(
  file: Deno.FsFile,
  path: string,
  signal: AbortSignal,
): Promise<FileContent> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(READ_BYTES);
  let size = 0;
  for (let read = await file.read(buffer); read !== null;) {
    hash.update(buffer.subarray(0, read));
    size += read;
    requireGoing(path, signal);
    read = await file.read(buffer);
  }
  return {
    sha256: hash.digest("hex"),
    size,
    async *pieces() {
      using again = await Deno.open(path).catch((error) => {
        throw fileError("read", path, error);
      });
      const piece = new Uint8Array(READ_BYTES);
      for (let read = await again.read(piece); read !== null;) {
        requireGoing(path, signal);
        yield piece.slice(0, read);
        read = await again.read(piece);
      }
    },
  };
}

function requireGoing(path: string, signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new PiriError(
    "CANCELLED",
    `Cannot read "${path}": the command was cancelled`,
  );
}

function moved(path: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot read "${path}": it grows`,
  );
}

function notHere(cause: unknown): PiriError {
  return new PiriError(
    "UNSUPPORTED",
    "Cannot connect anywhere: this agent was built to connect to its Manager only",
    { cause },
  );
}
