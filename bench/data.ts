import { join } from "@std/path";
import { compiled } from "../scripts/local/programs.ts";
import { BULK_BYTES, fileHash, requireSame, writeBulk } from "./bulk.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { lacking } from "./peer.ts";
import { NOT_COMPILED, RealFleet } from "./real_fleet.ts";
import { RssWatch } from "./rss_watch.ts";
import { SshHost } from "./ssh_host.ts";
import { timed } from "./timed.ts";

const SOURCE = "bulk";

/** A file of the Manager's data that is sent to a host. */
export const data: Pair = {
  name: "data",
  instead: { tool: "scp", task: "Fetch 200 MB of data" },
  unit: "MB/s",
  goal: { least: 0.6 },
  ours: `\`run web-1 --op file.Fetch\` of ${
    BULK_BYTES / 1e6
  } MB, its hash checked, on the disk when it is done`,
  beside: "`scp`, which leaves it to the system when it is on the disk",
  async open(): Promise<OpenPair | LeftOut> {
    const lacks = await lacking("sshd", "ssh", "scp", "ssh-keygen");
    if (lacks !== undefined) return lacks;
    const programs = await compiled();
    if (programs === undefined) return NOT_COMPILED;
    await using undo = new AsyncDisposableStack();
    const host = undo.use(await SshHost.start());
    const fleet = undo.use(await RealFleet.start(programs));
    const source = join(fleet.manager.dir, "files", "all", SOURCE);
    await Deno.mkdir(join(source, ".."), { recursive: true });
    const sha256 = await writeBulk(source);
    // On the same disk, and writable for the user that logs in.
    const folder = host.folder.at("received");
    await Deno.mkdir(folder);
    await Deno.chmod(folder, 0o777);
    const memory = new RssWatch({
      Manager: fleet.manager.daemon.pid,
      agent: fleet.agent.pid,
    });
    const opened = undo.move();
    return {
      ours() {
        const path = join(folder, "fetched");
        const words = [
          "--op",
          "file.Fetch",
          `source=${SOURCE}`,
          `path=${path}`,
        ];
        return memory.during(() =>
          received(fleet.run("web-1", ...words), { path, sha256 })
        );
      },
      beside() {
        const path = join(folder, "copied");
        return received(host.scp(source, path), { path, sha256 });
      },
      notes: () => memory.notes(),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};

/** Has a program bring a file, removes it again, and returns the rate in megabytes a second. */
async function received(
  argv: readonly string[],
  { path, sha256 }: { path: string; sha256: string },
): Promise<number> {
  const { ms, code, stderr } = await timed(argv);
  const got = code === 0 ? await fileHash(path) : { bytes: 0, sha256: stderr };
  requireSame(argv[0] ?? "", { code, ...got }, sha256);
  await Deno.remove(path);
  return got.bytes / 1e3 / ms;
}
