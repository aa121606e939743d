import { compiled } from "../scripts/local/programs.ts";
import { BULK_BYTES, printedRate, writeBulk } from "./bulk.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { lacking } from "./peer.ts";
import { NOT_COMPILED, RealFleet } from "./real_fleet.ts";
import { RssWatch } from "./rss_watch.ts";
import { SshHost } from "./ssh_host.ts";

/** Output of a command, all the way to the user's terminal. */
export const output: Pair = {
  name: "output",
  unit: "MB/s",
  goal: { least: 0.5 },
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
