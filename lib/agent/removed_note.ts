import { join } from "@std/path";
import { diskError, readIfThere, writeFileAtomically } from "../base/files.ts";

/** File in the state folder of an agent that was removed. */
const NOTE = "removed";

/** Note in the state folder that the Manager has removed this agent: `check` reads it while the agent runs. */
export class RemovedNote {
  readonly #path: string;

  constructor(dir: string) {
    this.#path = join(dir, NOTE);
  }

  /**
   * Writes the time at which the agent was told.
   *
   * @throws {PiriError} DISK, DENIED
   */
  async write(at: number): Promise<void> {
    await writeFileAtomically(this.#path, `${new Date(at).toISOString()}\n`);
  }

  /**
   * Deletes the note, if there is one.
   *
   * @throws {PiriError} DISK, DENIED
   */
  async clear(): Promise<void> {
    try {
      await Deno.remove(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw diskError(`remove "${this.#path}"`, error);
    }
  }

  /**
   * Reads the time at which the agent was told; undefined if it was not.
   *
   * @throws {PiriError} DISK, DENIED
   */
  async read(): Promise<string | undefined> {
    return (await readIfThere(this.#path))?.trim();
  }
}
