import { compiled } from "../scripts/local/programs.ts";
import { BULK_BYTES, printedRate, writeBulk } from "./bulk.ts";
import { BulkFleet } from "./bulk_fleet.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { lacking } from "./peer.ts";
import { NOT_COMPILED, RealFleet } from "./real_fleet.ts";
import { RssWatch } from "./rss_watch.ts";
import { SshHost } from "./ssh_host.ts";

/** Most memory that the Manager may take, in megabytes. */
const MAX_MB = 150;

/** Output of a command, all the way to the user's terminal. */
export const output: Pair = {
  name: "output",
  instead: { tool: "ssh", task: "Print 200 MB" },
  unit: "MB/s",
  goal: { least: 0.48 },
  ours: `${
    BULK_BYTES / 1e6
  } MB printed by \`run web-1 -- cat\`, to the command line, its hash checked`,
  beside: "`ssh host cat`",
  async open(): Promise<OpenPair | LeftOut> {
    const lacks = await lacking("sshd", "ssh", "ssh-keygen");
    if (lacks !== undefined) return lacks;
    const programs = await compiled();
    if (programs === undefined) return NOT_COMPILED;
    await using undo = new AsyncDisposableStack();
    const host = undo.use(await SshHost.start());
    const file = host.folder.at("bulk");
    const sha256 = await writeBulk(file);
    await Deno.chmod(file, 0o644);
    const fleet = undo.use(await RealFleet.start(programs));
    const memory = new RssWatch({
      Manager: fleet.manager.daemon.pid,
      agent: fleet.agent.pid,
    });
    const opened = undo.move();
    return {
      ours: () =>
        memory.during(() =>
          printedRate(fleet.run("web-1", "--", "cat", file), sha256)
        ),
      beside: () => printedRate(host.ssh("cat", file), sha256),
      notes: () => memory.notes(),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};

/** Memory of the Manager while output passes through it and is kept. */
export const outputMemory: Pair = {
  name: "output-memory",
  unit: "MB",
  goal: { most: 1 },
  ours: `largest memory of the Manager while ${
    BULK_BYTES / 1e6
  } MB are printed by \`run web-1 -- cat\``,
  beside: `the limit of ${MAX_MB} MB`,
  async open(): Promise<OpenPair | LeftOut> {
    const bulk = await BulkFleet.open();
    if ("leftOut" in bulk) return bulk;
    const { pid } = bulk.fleet.manager.daemon;
    return {
      async ours() {
        const memory = new RssWatch({ Manager: pid });
        await memory.during(() => bulk.print());
        return memory.mostOf("Manager") / 1e6;
      },
      beside: () => Promise.resolve(MAX_MB),
      [Symbol.asyncDispose]: () => bulk[Symbol.asyncDispose](),
    };
  },
};
