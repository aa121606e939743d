import type { ReapReceipt } from "./operation.ts";

/**
 * The processes of one command on Windows, which has no way to ask a program to end: asking ends it.
 *
 * Source: taskkill, Microsoft Learn. What was orphaned before it is called is not found.
 */
export class WindowsTree {
  readonly #pid: number;
  #signalled = 0;
  #alive: readonly number[] = [];

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** As `end`. */
  ask(): Promise<number> {
    return this.end();
  }

  /** Ends the leader and its descendants. Returns how many live on, as far as is known. */
  async end(): Promise<number> {
    const { success, stdout } = await new Deno.Command("taskkill", {
      args: ["/T", "/F", "/PID", String(this.#pid)],
      stdin: "null",
      stderr: "null",
    }).output();
    // A line for each process that was ended, in the system's language.
    const lines = new TextDecoder("latin1").decode(stdout).split("\n");
    this.#signalled += lines.filter((line) => line.trim() !== "").length;
    // 128: there is no such process any more.
    this.#alive = success || this.#signalled > 0 ? [] : [this.#pid];
    return 0;
  }

  /** What has been done so far. */
  receipt(): ReapReceipt {
    return { signalled: this.#signalled, alive: this.#alive };
  }
}
