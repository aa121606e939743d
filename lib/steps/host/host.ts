import type { Clock } from "../../base/clock.ts";
import type { SheetValue } from "../sheet.ts";
import type { HostTable } from "./shared_reads.ts";

/** Facts about what is at a path. */
export interface PathFacts {
  readonly kind: "file" | "folder" | "link" | "other";
  /** Permissions with setuid, setgid and sticky bit. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Text of a link. */
  readonly target?: string;
}

/** Content of a file, known before it is read. */
export interface FileContent {
  /** SHA-256 in hex digits. */
  readonly sha256: string;
  readonly size: number;
  /** Reads the bytes, in pieces that belong to the receiver. */
  pieces(): AsyncIterable<Uint8Array>;
}

/** Program that a step runs. */
export interface StepProgram {
  /** Program and arguments, or a line for the system's shell. */
  readonly argv?: readonly string[];
  readonly shell?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly group?: string;
  readonly umask?: string;
  readonly stdin?: string;
  /** True if a cancel waits for its end, for 10 minutes at most: half done, it would leave the host worse than before. */
  readonly shielded?: true;
}

/** End of a program: its code, or the signal that ended it. */
export interface ProgramResult {
  readonly code: number | undefined;
  readonly signal?: string;
}

/** Exit code of a program that looked. */
export interface ProgramFinding {
  readonly code: number;
}

/** The same, and what the program printed. */
export interface ProgramAnswer extends ProgramFinding {
  readonly stdout: string;
  readonly stderr: string;
}

/** Thing of a host that is no path, such as a user or a package. */
export interface Thing {
  readonly kind: "user" | "group" | "package" | "unit" | "mount" | "setting";
  /** Name that tells it from others of its kind. */
  readonly name: string;
}

/** Facts about a thing, by field. */
export type ThingFacts = Readonly<Record<string, SheetValue>>;

/** Owner and mode of a path; what is absent stays as it is. */
export interface PathAttributes {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** All attributes of a path. */
export type AllAttributes = Required<PathAttributes>;

/** Choices for a file that is written. */
export interface WriteOptions {
  readonly attributes: AllAttributes;
  /** Line for the shell that judges the new file, whose path stands for %s, before it is put in place. */
  readonly validate?: string;
}

/** Choices for a file that is read. */
export interface ContentOptions {
  /** True for a file that is no link, and will be written: what is read comes back to its owner. */
  readonly isToWrite?: boolean;
}

/** Request to a server by http or https. */
export interface WebRequest {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answer of a server. */
export interface WebAnswer {
  readonly status: number;
  readonly etag?: string;
  /** Size of the content in bytes, if the server tells it. */
  readonly size?: number;
}

/** Answer of a server with its content. */
export interface WebContent extends WebAnswer {
  /** Bytes as they come. They can be read once. */
  pieces(): AsyncIterable<Uint8Array>;
}

/** Endpoint that a step waits for. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/**
 * Means of looking at a host. It has no call that changes anything, so a check cannot.
 *
 * Paths are absolute. Calls throw PiriError: DENIED, DISK, REFUSED where the agent's policy forbids it, CANCELLED.
 */
export interface HostReader {
  /** User and group that new files belong to. */
  readonly self: { readonly uid: number; readonly gid: number };
  readonly clock: Clock;
  /** Aborted when the step must end. */
  readonly signal: AbortSignal;
  /** Facts about a path, without following a link; undefined if there is nothing. */
  facts(path: string): PathFacts | undefined;
  /** Facts about a path or about where a link leads; undefined if that is nowhere. */
  followed(path: string): PathFacts | undefined;
  /** Path without links. Its last names may be missing. */
  realPath(path: string): string;
  /**
   * The same for what is to be written, where a link is followed.
   *
   * @throws {PiriError} FAILED_PRECONDITION for a link by which another user than root would lead elsewhere
   */
  pathToWrite(path: string): string;
  /** Names in a folder, sorted. */
  names(path: string): readonly string[];
  /** Content of a file, hashed now. That of one to write is read through no link that `pathToWrite` would refuse. */
  content(path: string, options?: ContentOptions): Promise<FileContent>;
  /** Blob of the Manager. */
  blob(name: { readonly sha256: string; readonly size: number }): FileContent;
  /** Number of a user or group by its name; undefined if there is none. */
  account(kind: "user" | "group", name: string): Promise<number | undefined>;
  /** True for the home of a user, and where a file system is mounted. */
  isHome(path: string): boolean;
  isMountPoint(path: string): boolean;
  /**
   * Runs a program that only looks. Its output is dropped.
   *
   * @throws {PiriError} CANCELLED if it was ended with the step; FAILED_PRECONDITION if it ended without an exit code,
   * as by a signal: that is no answer
   */
  look(program: StepProgram): Promise<ProgramFinding>;
  /**
   * Refuses to go on where steps are ahead, for what only tells how the host is now.
   *
   * @throws {Unforeseen}
   */
  requireNow(): void;
  /**
   * Runs a program that only looks, and takes what it prints, as text in UTF-8: 16 MiB of each stream at most. Its
   * answer is about the host as it is now, also where steps are ahead; see `foreseen`.
   *
   * @throws {PiriError} as `look`; FAILED_PRECONDITION if it prints more
   */
  ask(program: StepProgram): Promise<ProgramAnswer>;
  /** Reads a table of the host as it is now, once for all steps until a program has run or one of its paths was written. */
  shared<T>(table: HostTable, read: () => Promise<T>): Promise<T>;
  /**
   * Facts about a thing as earlier steps will have made it, undefined in them if it will be gone; undefined if no step
   * ahead is about it.
   *
   * @throws {Unforeseen} a step whose verdict is unknown may change it
   */
  foreseen(
    thing: Thing,
  ): { readonly facts: ThingFacts | undefined } | undefined;
  /** True if somebody listens there. */
  answers(endpoint: Endpoint): Promise<boolean>;
  /** Status of the answer to a request, undefined if there is none. */
  fetchStatus(url: string): Promise<number | undefined>;
  /**
   * Answer of a server about what it has, now.
   *
   * @throws {PiriError} UNAVAILABLE if it does not answer
   */
  askServer(request: WebRequest): Promise<WebAnswer>;
}

/** Means of changing a host. Each call is done whole or not at all. */
export interface HostWriter extends HostReader {
  /** Writes a file beside its path and moves it there, over a file or a link. */
  writeFile(
    path: string,
    content: FileContent,
    options: WriteOptions,
  ): Promise<void>;
  /** Makes a folder whose parent is there. */
  makeFolder(path: string, attributes: AllAttributes): Promise<void>;
  /** Sets what is given, not through a link. */
  setAttributes(path: string, attributes: PathAttributes): Promise<void>;
  /** Makes a link, over a file or another link. */
  makeLink(path: string, target: string): Promise<void>;
  /** Removes a file, a link, or an empty folder. */
  remove(path: string): Promise<void>;
  /** Tells people what the step waits for, as a line of its output. */
  tell(text: string): Promise<void>;
  /**
   * Content behind a URL.
   *
   * @throws {PiriError} UNAVAILABLE; FAILED_PRECONDITION if the server has another answer than 200
   */
  download(request: WebRequest): Promise<WebContent>;
  /** Runs a program. Its output is recorded. */
  run(program: StepProgram): Promise<ProgramResult>;
  /** Resolves once all that was done would survive a power cut. */
  flush(): Promise<void>;
}

/** Host on which steps run. */
export interface Host {
  reader(signal: AbortSignal): HostReader;
  /** Means of one step, whose programs' output goes to `print`. */
  writer(
    signal: AbortSignal,
    print: (stream: "stdout" | "stderr", bytes: Uint8Array) => Promise<void>,
  ): HostWriter;
}
