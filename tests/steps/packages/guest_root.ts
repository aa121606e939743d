import { fromFileUrl } from "@std/path";
import { recordOfLine } from "../../../lib/steps/engine/records.ts";
import type { Sheet } from "../../../lib/steps/sheet.ts";
import { linesOf } from "./lines_of.ts";
import { TempFolder } from "../../support/temp_folder.ts";

export type GuestRequest =
  | { readonly kind: "run"; readonly argv: readonly string[] }
  | {
    readonly kind: "plan" | "apply";
    readonly sheet: Sheet;
    readonly expect?: readonly unknown[];
    /** File to write once this text is printed. */
    readonly answer?: { readonly text: string; readonly path: string };
  };

export interface GuestAnswer {
  readonly text: string;
  readonly error?: string;
  readonly success?: boolean;
  readonly message?: string;
}

/** Reason that there can be no root folder of its own here; undefined if there can. */
export const rootObstacle = obstacle();

function obstacle(): string | undefined {
  if (Deno.build.os !== "linux") return "it needs Linux";
  if (Deno.uid() !== 0) return "it needs root";
  const base = Deno.makeTempDirSync();
  try {
    const { success } = new Deno.Command("unshare", {
      args: ["-m", "sh", "-c", `${mounts(base)} && chroot ${base}/root true`],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success ? undefined : "no overlay can be mounted";
  } catch {
    return "there is no unshare";
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
}

/** Lines that mount a copy of this host's root, whose writes go to a folder in memory. */
function mounts(base: string): string {
  return [
    `mount -t tmpfs tmpfs ${base}`,
    `mkdir ${base}/upper ${base}/work ${base}/root`,
    `mount -t overlay overlay -o lowerdir=/,upperdir=${base}/upper,workdir=${base}/work ${base}/root`,
    `mount --rbind /proc ${base}/root/proc`,
    `mount --rbind /dev ${base}/root/dev`,
    `mount --rbind /sys ${base}/root/sys`,
    `mount -t tmpfs tmpfs ${base}/root/run`,
    `mount --bind ${base}/upper ${base}/root/mnt`,
  ].join(" && ");
}

/** Copy of this host in memory, with its own packages. This host itself is not changed. */
export class GuestRoot implements AsyncDisposable {
  readonly #base: TempFolder;
  readonly #child: Deno.ChildProcess;
  readonly #answers: AsyncGenerator<string>;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(base: TempFolder, child: Deno.ChildProcess) {
    this.#base = base;
    this.#child = child;
    this.#requests = child.stdin.getWriter();
    this.#answers = linesOf(child.stdout);
  }

  static async start(): Promise<GuestRoot> {
    const base = await TempFolder.make();
    const path = base.at("guest");
    await Deno.mkdir(path);
    const guest = fromFileUrl(new URL("guest.ts", import.meta.url));
    const start = `exec chroot ${path}/root ${Deno.execPath()} run -A ` +
      `--config ${
        fromFileUrl(new URL("../../../deno.json", import.meta.url))
      } ${guest}`;
    const child = new Deno.Command("unshare", {
      args: ["-m", "sh", "-c", `${mounts(path)} && ${start}`],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    return new GuestRoot(base, child);
  }

  /** Runs a program in it, which must succeed, and returns what it prints. */
  async run(...argv: string[]): Promise<string> {
    const { text, error } = await this.#ask({ kind: "run", argv });
    if (error !== undefined) throw new Error(`${argv.join(" ")}: ${error}`);
    return text;
  }

  async shell(line: string): Promise<string> {
    return await this.run("sh", "-ec", line);
  }

  async plan(sheet: Sheet): Promise<GuestRun> {
    return runOf(await this.#ask({ kind: "plan", sheet }));
  }

  /** @param answer File to write once a text is printed */
  async apply(
    sheet: Sheet,
    expect?: readonly unknown[],
    answer?: { readonly text: string; readonly path: string },
  ): Promise<GuestRun> {
    return runOf(
      await this.#ask({
        kind: "apply",
        sheet,
        ...expect === undefined ? {} : { expect },
        ...answer === undefined ? {} : { answer },
      }),
    );
  }

  /** All that was written in the system's folders, with times and sizes. */
  async written(): Promise<string> {
    return await this.shell(
      "cd /mnt; find etc var usr opt -printf '%p %y %s %T@\\n' 2>/dev/null | sort || true",
    );
  }

  async #ask(request: GuestRequest): Promise<GuestAnswer> {
    const line = `${JSON.stringify(request)}\n`;
    await this.#requests.write(new TextEncoder().encode(line));
    const { value } = await this.#answers.next();
    if (value === undefined) throw new Error("the guest has ended");
    return JSON.parse(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#requests.close();
    await this.#answers.return(undefined);
    await this.#child.status;
    await this.#base[Symbol.asyncDispose]();
  }
}

export type GuestRun = ReturnType<typeof runOf>;

function runOf({ text, success, message, error }: GuestAnswer) {
  const records = text.split("\n").filter((line) => line !== "")
    .map(recordOfLine);
  return {
    records,
    success,
    message: message ?? error,
    steps: records.filter((record) => record.kind === "step"),
    output: records.filter((record) => record.kind === "output")
      .map((record) => record.text).join(""),
    notes: records.filter((record) => record.kind === "note")
      .map((record) => record.text),
  };
}
