import { basename, dirname, join, resolve } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import { contentOfBytes } from "../../lib/steps/file_content.ts";
import type {
  AllAttributes,
  ContentOptions,
  FileContent,
  Host,
  HostReader,
  HostWriter,
  PathAttributes,
  PathFacts,
  ProgramAnswer,
  ProgramFinding,
  ProgramResult,
  StepProgram,
  WebAnswer,
  WebContent,
  WriteOptions,
} from "../../lib/steps/host/host.ts";
import {
  LinkCircle,
  MAX_LINKS,
  unlessCircle,
} from "../../lib/steps/host/link_circle.ts";
import { findingOf } from "../../lib/steps/host/program_finding.ts";
import {
  type HostTable,
  SharedReads,
} from "../../lib/steps/host/shared_reads.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { isLedAstray } from "./foreign_links.ts";
import type { Power } from "./power.ts";

/** File, folder or link of a fake host. */
export interface FakeNode extends AllAttributes {
  readonly kind: "file" | "folder" | "link";
  readonly text?: string;
  readonly target?: string;
}

export type Tree = Map<string, FakeNode>;

const USERS: Readonly<Record<string, number>> = {
  root: 0,
  www: 33,
  anna: 1000,
};
const ROOT: FakeNode = { kind: "folder", mode: 0o755, uid: 0, gid: 0 };

/** Answer of a program of a fake host: what is left out is its success. */
export type FakeAnswer = Partial<Omit<ProgramAnswer, "code"> & ProgramResult>;

/** Programs that a fake host has: they get the words of the line and the host, and return a code or an answer. */
export type FakePrograms = Readonly<
  Record<
    string,
    (
      host: FakeHost,
      words: readonly string[],
      program: StepProgram,
    ) => number | FakeAnswer
  >
>;

const PROGRAMS: FakePrograms = {
  true: () => 0,
  false: () => 1,
  exists: (host, [path = ""]) => host.tree.has(path) ? 0 : 1,
  put: (host, [path = "", text = ""]) => {
    host.tree.set(path, { kind: "file", mode: 0o644, uid: 0, gid: 0, text });
    return 0;
  },
  say: () => 0,
};

/** Host in memory. Each of its writes may be the last before a power cut. */
export class FakeHost implements Host {
  readonly tree: Tree;
  readonly clock = new FakeClock();
  /** Lines of programs that were run, in their order. */
  readonly ran: string[] = [];
  /** Blobs of the Manager, by their SHA-256. */
  readonly blobs = new Map<string, string>();
  /** Count of writes. */
  writes = 0;
  readonly reads = new SharedReads();
  readonly programs: FakePrograms;
  readonly #power: Power | undefined;

  constructor(
    tree: Tree = new Map(),
    power: Power | undefined = undefined,
    programs: FakePrograms = {},
  ) {
    this.tree = new Map([["/", ROOT], ...tree]);
    this.#power = power;
    this.programs = { ...PROGRAMS, ...programs };
  }

  reader(signal: AbortSignal): HostReader {
    return new FakeAccess(this, signal);
  }

  writer(
    signal: AbortSignal,
    print: Parameters<Host["writer"]>[1],
  ): HostWriter {
    return new FakeAccess(this, signal, print);
  }

  /** Does a write, if the power lasts. */
  async write(task: () => void): Promise<void> {
    await this.#power?.use();
    this.writes++;
    this.reads.forgetAll();
    task();
  }
}

class FakeAccess implements HostWriter {
  readonly self = { uid: 0, gid: 0 };
  readonly #host: FakeHost;
  readonly #print: Parameters<Host["writer"]>[1] | undefined;

  constructor(
    host: FakeHost,
    readonly signal: AbortSignal,
    print?: Parameters<Host["writer"]>[1],
  ) {
    this.#host = host;
    this.#print = print;
  }

  get clock() {
    return this.#host.clock;
  }

  facts(path: string): PathFacts | undefined {
    const node = this.#host.tree.get(this.#place(path));
    if (node === undefined) return undefined;
    const { kind, mode, uid, gid, target } = node;
    const size = new TextEncoder().encode(node.text ?? target ?? "").length;
    return {
      kind,
      mode,
      uid,
      gid,
      size,
      ...target === undefined ? {} : { target },
    };
  }

  followed(path: string): PathFacts | undefined {
    const facts = this.facts(path);
    if (facts?.kind !== "link") return facts;
    const place = unlessCircle(() => this.realPath(path));
    return place === undefined ? undefined : this.facts(place);
  }

  pathToWrite(path: string): string {
    this.#requireOwn(path, { followsLast: true });
    return this.realPath(path);
  }

  realPath(path: string, links = 0): string {
    if (links > MAX_LINKS) throw new LinkCircle(path);
    const place = this.#place(path, links);
    const { target } = this.#host.tree.get(place) ?? {};
    return target === undefined
      ? place
      : this.realPath(resolve(dirname(place), target), links + 1);
  }

  names(path: string): string[] {
    const folder = this.realPath(path);
    return [...this.#host.tree.keys()]
      .filter((each) => each !== "/" && dirname(each) === folder)
      .map((each) => basename(each)).sort();
  }

  // deno-lint-ignore require-await
  async content(
    path: string,
    { isToWrite = false }: ContentOptions = {},
  ): Promise<FileContent> {
    if (isToWrite) this.#requireOwn(path);
    const node = this.#host.tree.get(this.realPath(path));
    if (node?.text === undefined) throw failed(`read "${path}"`, "is no file");
    return contentOfBytes(new TextEncoder().encode(node.text));
  }

  blob({ sha256 }: { sha256: string }): FileContent {
    const text = this.#host.blobs.get(sha256);
    if (text === undefined) throw failed(`read blob ${sha256}`, "is not there");
    return contentOfBytes(new TextEncoder().encode(text));
  }

  account(_: "user" | "group", name: string): Promise<number | undefined> {
    return Promise.resolve(USERS[name]);
  }

  isHome(path: string): boolean {
    return path === "/home";
  }

  isMountPoint(path: string): boolean {
    return path === "/proc";
  }

  requireNow(): void {}

  // deno-lint-ignore require-await
  async look(program: StepProgram): Promise<ProgramFinding> {
    return findingOf(this.#answerOf(program), program, this.signal);
  }

  // deno-lint-ignore require-await
  async ask(program: StepProgram): Promise<ProgramAnswer> {
    const { stdout, stderr, ...result } = this.#answerOf(program);
    const { code } = findingOf(result, program, this.signal);
    return { code, stdout, stderr };
  }

  shared<T>(table: HostTable, read: () => Promise<T>): Promise<T> {
    return this.#host.reads.read(table, read);
  }

  foreseen(): undefined {
    return undefined;
  }

  answers(): Promise<boolean> {
    return Promise.resolve(true);
  }

  fetchStatus(): Promise<number | undefined> {
    return Promise.resolve(200);
  }

  /** A fake host knows no servers. */
  askServer(): Promise<WebAnswer> {
    return Promise.reject(failed("ask a server", "is not there"));
  }

  download(): Promise<WebContent> {
    return Promise.reject(failed("download", "is not there"));
  }

  async writeFile(
    path: string,
    content: FileContent,
    { attributes, validate }: WriteOptions,
  ): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const piece of content.pieces()) pieces.push(piece);
    const text = await new Blob(pieces as BlobPart[]).text();
    if (
      validate !== undefined && this.#answerOf({ shell: validate }).code !== 0
    ) {
      throw failed(`write "${path}"`, "is not valid");
    }
    await this.#put(path, { kind: "file", ...attributes, text });
  }

  async makeFolder(path: string, attributes: AllAttributes): Promise<void> {
    if (this.facts(path) !== undefined) {
      throw failed(`make "${path}"`, "is there");
    }
    await this.#put(path, { kind: "folder", ...attributes });
  }

  async setAttributes(path: string, attributes: PathAttributes): Promise<void> {
    this.#requireOwn(path);
    const place = this.#place(path);
    await this.#host.write(() => {
      const node = this.#host.tree.get(place);
      if (node === undefined) throw failed(`change "${path}"`, "is not there");
      this.#host.tree.set(place, { ...node, ...attributes });
    });
  }

  async makeLink(path: string, target: string): Promise<void> {
    const { uid, gid } = this.self;
    await this.#put(path, { kind: "link", mode: 0o777, uid, gid, target });
  }

  async remove(path: string): Promise<void> {
    this.#requireOwn(path);
    const place = this.#place(path);
    await this.#host.write(() => {
      const { kind } = this.#host.tree.get(place) ?? {};
      if (kind === "folder" && this.names(place).length > 0) {
        throw failed(`remove "${path}"`, "is not empty");
      }
      this.#host.tree.delete(place);
    });
  }

  async tell(text: string): Promise<void> {
    await this.#print?.("stderr", new TextEncoder().encode(`${text}\n`));
  }

  async run(program: StepProgram): Promise<ProgramResult> {
    const line = program.shell ?? program.argv?.join(" ") ?? "";
    let code: number | undefined;
    await this.#host.write(() => {
      this.#host.ran.push(line);
      ({ code } = this.#answerOf(program));
    });
    await this.#print?.("stdout", new TextEncoder().encode(`${line}\n`));
    return { code };
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  #answerOf(
    program: StepProgram,
  ): Required<Omit<FakeAnswer, "signal">> & ProgramResult {
    const { shell, argv } = program;
    const [name = "", ...words] = argv ?? shell?.split(" ") ?? [];
    const answer = this.#host.programs[name]?.(this.#host, words, program) ??
      127;
    const said = typeof answer === "number" ? { code: answer } : answer;
    return { code: 0, stdout: "", stderr: "", ...said };
  }

  #requireOwn(path: string, options: { followsLast?: boolean } = {}): void {
    if (!isLedAstray(this.#host.tree, path, options)) return;
    throw failed(`write "${path}"`, "is behind a link of somebody else");
  }

  async #put(path: string, node: FakeNode): Promise<void> {
    this.#requireOwn(path);
    const place = this.#place(path);
    await this.#host.write(() => {
      const folder = this.#host.tree.get(dirname(place));
      if (folder?.kind !== "folder") {
        throw failed(`write "${path}"`, "has no folder");
      }
      const { kind } = this.#host.tree.get(place) ?? node;
      if ((kind === "folder") !== (node.kind === "folder")) {
        throw failed(`write "${path}"`, `is a ${kind}`);
      }
      this.#host.tree.set(place, node);
    });
  }

  /** Path whose folders are no links. */
  #place(path: string, links = 0): string {
    if (path === "/") return path;
    const folder = dirname(path);
    return join(
      folder === "/" ? folder : this.realPath(folder, links),
      basename(path),
    );
  }
}

function failed(what: string, why: string): PiriError {
  return new PiriError("FAILED_PRECONDITION", `Cannot ${what}: it ${why}`);
}
