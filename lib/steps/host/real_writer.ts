import { encodeHex } from "@std/encoding/hex";
import { basename, dirname, join, resolve } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { syncFolder } from "../../base/files.ts";
import { systemRandom } from "../../base/random.ts";
import { writeAll } from "../../base/write_all.ts";
import { setAttributes } from "../../files/attributes.ts";
import { fileError } from "../../files/file_errors.ts";
import type {
  AllAttributes,
  FileContent,
  HostWriter,
  PathAttributes,
  ProgramResult,
  StepProgram,
  WebContent,
  WebRequest,
  WriteOptions,
} from "./host.ts";
import type { HostParts, Print } from "./host_parts.ts";
import { RealReader } from "./real_reader.ts";
import type { SharedReads } from "./shared_reads.ts";
import { download } from "./web.ts";

/** Means of changing the host of an agent. */
export class RealWriter extends RealReader implements HostWriter {
  readonly #print: Print;
  /** Folders whose names may not be on the disk yet. */
  readonly #unsynced = new Set<string>();

  constructor(
    parts: HostParts,
    reads: SharedReads,
    { signal, print }: { signal: AbortSignal; print: Print },
  ) {
    super(parts, reads, signal);
    this.#print = print;
  }

  async writeFile(
    path: string,
    content: FileContent,
    { attributes, validate }: WriteOptions,
  ): Promise<void> {
    this.#requireAllowed(path, attributes);
    using _change = this.#changing(path);
    if (this.isMountPoint(path)) {
      return await this.#writeInPlace(path, content, validate);
    }
    using place = this.parts.placeOf(path);
    await using file = await this.parts.newFile(path, {
      ...attributes,
      at: place.at,
    });
    for await (const piece of content.pieces()) {
      this.#requireGoing(path);
      await file.write(piece);
    }
    if (validate !== undefined) {
      // The place of the file is a path of this process only.
      const at = join(dirname(path), basename(file.temporary));
      await this.#validate(path, { line: validate, at });
    }
    await file.finish();
  }

  async makeFolder(path: string, attributes: AllAttributes): Promise<void> {
    this.#requireAllowed(path, attributes);
    await this.#write(path, async (at) => {
      await Deno.mkdir(at, { mode: 0o700 });
      setAttributes(at, attributes, ({ isDirectory }) => isDirectory);
    });
  }

  async setAttributes(path: string, attributes: PathAttributes): Promise<void> {
    const facts = this.facts(path);
    if (facts === undefined || facts.kind === "link") return;
    this.#requireAllowed(path, attributes);
    // deno-lint-ignore require-await
    await this.#write(path, async (at) => setAttributes(at, attributes));
  }

  async makeLink(path: string, target: string): Promise<void> {
    // Another program could follow the link.
    this.parts.require("read", resolve(dirname(path), target));
    const isThere = this.facts(path) !== undefined;
    await this.#write(path, async (at) => {
      if (!isThere) return await Deno.symlink(target, at);
      const name = `.piri-${encodeHex(systemRandom.bytes(8))}`;
      const beside = join(dirname(at), name);
      await Deno.symlink(target, beside);
      try {
        await Deno.rename(beside, at);
      } catch (error) {
        await Deno.remove(beside);
        throw error;
      }
    });
  }

  async remove(path: string): Promise<void> {
    await this.#write(path, (at) => Deno.remove(at));
  }

  async tell(text: string): Promise<void> {
    await this.#print("stderr", new TextEncoder().encode(`${text}\n`));
  }

  async download(request: WebRequest): Promise<WebContent> {
    this.parts.requireConnect();
    return await download(request, this);
  }

  async run(program: StepProgram): Promise<ProgramResult> {
    try {
      return await this.parts.run(program, this.signal, this.#print);
    } finally {
      this.reads.forgetAll();
      this.parts.accounts.forgetAll();
    }
  }

  async flush(): Promise<void> {
    for (const folder of this.#unsynced) {
      // It may have been removed since.
      await syncFolder(folder).catch(() => {});
    }
    this.#unsynced.clear();
  }

  async #write(
    path: string,
    task: (at: string) => Promise<void>,
  ): Promise<void> {
    this.#requireGoing(path);
    using _change = this.#changing(path);
    try {
      using place = this.parts.placeOf(path);
      await task(place.at);
      this.#unsynced.add(dirname(path));
    } catch (error) {
      throw fileError("write", path, error);
    }
  }

  /** Forgets, once it is over, what a change of a path makes untrue. */
  #changing(path: string): Disposable {
    return {
      [Symbol.dispose]: () => {
        this.reads.forget(path);
        if (dirname(path) === "/etc") this.parts.accounts.forgetAll();
      },
    };
  }

  /** Writes into a mounted file, as containers have them: nothing can be moved to its place. */
  async #writeInPlace(
    path: string,
    content: FileContent,
    validate: string | undefined,
  ): Promise<void> {
    this.parts.require("write", path);
    if (validate !== undefined) {
      throw new PiriError(
        "UNSUPPORTED",
        `Cannot validate "${path}": it is mounted, so that nothing can be written beside it`,
      );
    }
    await this.tell(`"${basename(path)}" is mounted: it is written in place`);
    try {
      using place = this.parts.placeOf(path);
      const options = { write: true, truncate: true };
      using file = await Deno.open(place.at, options);
      for await (const piece of content.pieces()) await writeAll(file, piece);
      await file.sync();
    } catch (error) {
      throw fileError("write", path, error);
    }
  }

  async #validate(
    path: string,
    { line, at }: { line: string; at: string },
  ): Promise<void> {
    const quoted = `'${at.replaceAll("'", `'\\''`)}'`;
    const { code, signal } = await this.run({
      shell: line.replaceAll("%s", () => quoted),
    });
    if (code === 0) return;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot write "${path}": its new content is not valid: the validation ended with ${
        signal ?? `exit code ${code}`
      }`,
    );
  }

  /** Refuses owners and modes that the agent's policy keeps. */
  #requireAllowed(path: string, { mode = 0, uid, gid }: PathAttributes): void {
    if ((mode & ~this.parts.modeMask) !== 0) {
      throw new PiriError(
        "REFUSED",
        `Cannot set the mode of "${path}" here: this agent's policy allows no files that run as their owner (setuid, setgid)`,
      );
    }
    if (this.parts.givesAway) return;
    const now = this.facts(path) ?? this.self;
    const isKept = (wanted: number | undefined, own: number, is: number) =>
      wanted === undefined || wanted === own || wanted === is;
    if (
      isKept(uid, this.self.uid, now.uid) && isKept(gid, this.self.gid, now.gid)
    ) return;
    throw new PiriError(
      "REFUSED",
      `Cannot give "${path}" to another owner here: the rules of this agent's policy judge no owners in states`,
    );
  }

  #requireGoing(path: string): void {
    if (!this.signal.aborted) return;
    throw new PiriError(
      "CANCELLED",
      `Cannot write "${path}": the command was cancelled`,
    );
  }
}
