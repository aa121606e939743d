import { fromFileUrl } from "@std/path";

/** Longest wait for a text on the screen, in milliseconds: a machine may be busy. */
const MAX_WAIT_MS = 60_000;

/** Reason why there is no tmux here; undefined if there is one. */
export async function reasonWithoutTmux(): Promise<string | undefined> {
  if (Deno.build.os === "windows") return "not on Windows";
  try {
    await new Deno.Command("tmux", { args: ["-V"] }).output();
    return undefined;
  } catch {
    return "there is no tmux here";
  }
}

/** A real terminal of this size in tmux, in which the program of tests for many agents runs. */
export class Tmux implements AsyncDisposable {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** Opens a window and starts the program with these arguments. */
  static async start(
    args: readonly string[],
    { columns, rows }: { columns: number; rows: number },
  ): Promise<Tmux> {
    const folder = await Deno.makeTempDir();
    const tmux = new Tmux(`${folder}/tmux`);
    const program = fromFileUrl(new URL("./run_on_many.ts", import.meta.url));
    const line = [Deno.execPath(), "run", "-A", "--quiet", program, ...args]
      .map((word) => `'${word}'`).join(" ");
    await tmux.#tmux(
      ...["-f", "/dev/null", "new-session", "-d"],
      ...["-x", String(columns), "-y", String(rows)],
      `${line}; echo "exit $?"; exec cat`,
    );
    return tmux;
  }

  /** Rows of the screen that are not empty, once one of them matches. */
  async rows(pattern: RegExp): Promise<string[]> {
    for (const end = Date.now() + MAX_WAIT_MS;;) {
      const rows = (await this.#tmux("capture-pane", "-p")).split("\n")
        .filter((row) => row !== "");
      if (rows.some((row) => pattern.test(row))) return rows;
      if (Date.now() > end) {
        throw new Error(`No ${pattern} in ${rows.join("\n")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async press(key: string): Promise<void> {
    await this.#tmux("send-keys", key);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux(
      "resize-window",
      ...["-x", String(columns), "-y", String(rows)],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server");
    await Deno.remove(this.#socket.replace(/\/tmux$/, ""), { recursive: true });
  }

  async #tmux(...args: string[]): Promise<string> {
    const { stdout } = await new Deno.Command("tmux", {
      args: ["-S", this.#socket, ...args],
      env: { LC_ALL: "C.UTF-8", NO_COLOR: "1" },
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  }
}
