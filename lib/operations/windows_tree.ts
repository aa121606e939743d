import type { ReapReceipt } from "./operation.ts";

/**
 * Processes of one command on Windows. Windows cannot ask a program to end, so asking ends it by force.
 *
 * Source: taskkill, Microsoft Learn. Processes that were orphaned before the call are not found.
 */
export class WindowsTree {
  readonly #pid: number;
  #signalled = 0;
  #alive: readonly number[] = [];

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Does the same as `end`. */
  ask(): Promise<number> {
    return this.end();
  }

  /** Ends the leader and its descendants. Returns how many are still alive, as far as is known. */
  async end(): Promise<number> {
    const { success, stdout } = await new Deno.Command("taskkill", {
      args: ["/T", "/F", "/PID", String(this.#pid)],
      stdin: "null",
      stderr: "null",
    }).output();
    // The output has a line for each process that was ended, in the system's language.
    const lines = new TextDecoder("latin1").decode(stdout).split("\n");
    this.#signalled += lines.filter((line) => line.trim() !== "").length;
    // Exit code 128: there is no such process any more.
    this.#alive = success || this.#signalled > 0 ? [] : [this.#pid];
    return 0;
  }

  /** Receipt of all ended processes so far. */
  receipt(): ReapReceipt {
    return { signalled: this.#signalled, alive: this.#alive };
  }
}
