import { writeAll } from "../base/write_all.ts";
import { dirname, join } from "@std/path";
import { syncFolder } from "../base/files.ts";
import { type Random, systemRandom } from "../base/random.ts";
import { markInUse, removeLeftovers, temporaryName } from "./leftovers.ts";
import {
  type Attributes,
  setMode,
  setOwner,
  writeError,
} from "./target_file.ts";

const NEW_MODE = 0o644;

/** Choices for a new file. */
export interface NewFileOptions {
  /** Owner and mode of the file; the agent's user and 0644 by default. */
  readonly attributes: Attributes;
  /** Path for calls of the system; that for people if absent. */
  readonly at?: string;
  /** True to leave temporary files of an earlier agent in the folder: they were just removed. */
  readonly keepsLeftovers?: boolean;
  readonly random?: Random;
}

/**
 * New content for a path. It replaces the file at `path` once it is complete; disposed of before that, it is removed.
 */
export class NewFile implements AsyncDisposable {
  readonly #path: string;
  readonly #at: string;
  readonly #temporary: string;
  readonly #file: Deno.FsFile;
  readonly #mode: number;
  #open = true;
  #finished = false;

  private constructor(
    path: string,
    { at, temporary, file, mode }: {
      at: string;
      temporary: string;
      file: Deno.FsFile;
      mode: number;
    },
  ) {
    this.#path = path;
    this.#at = at;
    this.#temporary = temporary;
    this.#file = file;
    this.#mode = mode;
  }

  /**
   * Creates the temporary file for a path, in the same folder.
   *
   * @throws {PiriError} FAILED_PRECONDITION without a folder; DENIED, DISK.
   */
  static async create(
    path: string,
    {
      attributes,
      at = path,
      keepsLeftovers = false,
      random = systemRandom,
    }: NewFileOptions,
  ): Promise<NewFile> {
    const folder = dirname(at);
    const temporary = join(folder, temporaryName(random));
    if (!keepsLeftovers) await removeLeftovers(folder);
    try {
      const options = { write: true, createNew: true, mode: 0o600 };
      const file = await Deno.open(temporary, options);
      await using stack = new AsyncDisposableStack();
      const mode = attributes.mode ?? NEW_MODE;
      const parts = { at, temporary, file, mode };
      const created = stack.use(new NewFile(path, parts));
      await markInUse(file);
      // Before anything is written, so that an owner that cannot be set costs no transfer.
      await setOwner(path, temporary, attributes, file);
      stack.move();
      return created;
    } catch (error) {
      const denied = `the agent's user may not write in "${dirname(path)}"`;
      throw writeError(path, error, denied);
    }
  }

  /** Path of what is written so far. */
  get temporary(): string {
    return this.#temporary;
  }

  /** Appends bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#file, bytes);
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  /** Moves the file to its path, durably. */
  async finish(): Promise<void> {
    await setMode(this.#path, this.#temporary, this.#mode, this.#file);
    try {
      await this.#file.sync();
      this.#close();
      await Deno.rename(this.#temporary, this.#at);
      this.#finished = true;
      await syncFolder(dirname(this.#at));
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    if (this.#finished) return;
    await Deno.remove(this.#temporary).catch(() => {});
  }

  #close(): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }
}
