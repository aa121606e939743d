import { compiled } from "../scripts/local/programs.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import { PiriError } from "../lib/base/errors.ts";
import { BULK_BYTES, writeBulk } from "./bulk.ts";
import { megabytes, rssOf } from "./memory.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { watchProcess } from "./process_watch.ts";
import { NOT_COMPILED, RealFleet } from "./real_fleet.ts";
import { RssWatch } from "./rss_watch.ts";

/** Most memory that each process may take beyond its idle memory, in megabytes. */
const MAX_MB = 60;

/** Size of input that takes no memory to speak of. */
const SMALL_BYTES = 1_000;

/** Memory that large input takes on its way to a program. */
export const inputMemory: Pair = {
  name: "stdin-memory",
  unit: "MB",
  goal: { most: 1 },
  ours: `memory beyond that of an idle process while ${
    BULK_BYTES / 1e6
  } MB go by \`run web-1 --stdin FILE -- sha256sum\`: Manager, agent or command line, whichever takes most`,
  beside: `the limit of ${MAX_MB} MB`,
  async open(): Promise<OpenPair | LeftOut> {
    const programs = await compiled();
    if (programs === undefined) return NOT_COMPILED;
    await using undo = new AsyncDisposableStack();
    const folder = undo.use(await TempFolder.make("piri-bench-"));
    const fleet = undo.use(await RealFleet.start(programs));
    const pids = {
      Manager: fleet.manager.daemon.pid,
      agent: fleet.agent.pid,
    };
    const idle = {
      Manager: await rssOf(pids.Manager) ?? 0,
      agent: await rssOf(pids.agent) ?? 0,
    };
    /** Largest memory of each process while a new file of this size is given to a program. */
    const mostWith = async (bytes: number) => {
      const file = folder.at("input");
      const sha256 = await writeBulk(file, bytes);
      const watch = new RssWatch(pids);
      const words = ["--stdin", file, "--", "sha256sum"];
      const { stdout, mostBytes } = await watch.during(() =>
        watchProcess(fleet.run("web-1", ...words))
      );
      await Deno.remove(file);
      requireHash(stdout, sha256);
      return {
        Manager: watch.mostOf("Manager"),
        agent: watch.mostOf("agent"),
        "command line": mostBytes,
      };
    };
    // A command line is never idle: its memory for small input counts as that.
    const small = await mostWith(SMALL_BYTES);
    const before = { ...idle, "command line": small["command line"] };
    const most = new Map<string, number>();
    const opened = undo.move();
    return {
      async ours() {
        const now = await mostWith(BULK_BYTES);
        const grown = Object.entries(before)
          .map(([name, bytes]) =>
            [name, now[name as keyof typeof now] - bytes] as const
          );
        for (const [name, bytes] of grown) {
          most.set(name, Math.max(most.get(name) ?? 0, bytes));
        }
        return Math.max(...grown.map(([, bytes]) => bytes)) / 1e6;
      },
      beside: () => Promise.resolve(MAX_MB),
      notes: () =>
        [...most].map(([name, bytes]) =>
          `memory of the ${name}: at most ${
            megabytes(bytes)
          } beyond that when idle`
        ),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};

/** @throws {PiriError} INTERNAL */
function requireHash(stdout: string, sha256: string): void {
  if (stdout.startsWith(sha256)) return;
  throw new PiriError(
    "INTERNAL",
    `Cannot measure: the program read other bytes, as it printed ${stdout}`,
  );
}
