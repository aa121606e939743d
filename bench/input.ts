import { compiled, type Programs } from "../scripts/local/programs.ts";
import { BULK_BYTES, writeBulk } from "./bulk.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { lacking } from "./peer.ts";
import { NOT_COMPILED, RealFleet } from "./real_fleet.ts";
import { RssWatch } from "./rss_watch.ts";
import { SshHost } from "./ssh_host.ts";
import { timedWell } from "./timed.ts";

/** Input of a program, all the way from the user's file. */
export const input: Pair = {
  name: "stdin",
  instead: { tool: "ssh", task: "Read 200 MB from stdin" },
  unit: "MB/s",
  goal: { least: 0.5 },
  ours: `${
    BULK_BYTES / 1e6
  } MB by \`run web-1 --stdin FILE -- sha256sum\`, its hash checked; another content each time, since the Manager keeps what it has`,
  beside: "`ssh host sha256sum < FILE`",
  open: () =>
    openPair(({ fleet, file }) => ({
      argv: fleet.run("web-1", "--stdin", file, "--", "sha256sum"),
      isRight: (stdout, sha256) => stdout.startsWith(sha256),
    }), ({ host, file }) => ({
      argv: withStdin(file, host.ssh("sha256sum")),
      isRight: (stdout, sha256) => stdout.startsWith(sha256),
    })),
};

/** A file for a host. */
export const put: Pair = {
  name: "put",
  instead: { tool: "scp", task: "Put 200 MB on a host" },
  unit: "MB/s",
  goal: { least: 0.6 },
  ours: `${
    BULK_BYTES / 1e6
  } MB by \`put FILE web-1:PATH\`; another content each time`,
  beside: "`scp FILE host:PATH`",
  open: () =>
    openPair(({ fleet, file, target }) => ({
      argv: fleet.command("put", file, `web-1:${target}`),
      isRight: () => true,
    }), ({ host, file, target }) => ({
      argv: host.scp(file, `${target}-scp`),
      isRight: () => true,
    })),
};

/** Parts of a measurement. */
interface Means {
  readonly fleet: RealFleet;
  readonly host: SshHost;
  readonly file: string;
  /** Path for the copy of the file. */
  readonly target: string;
}

/** Program to time. */
interface Timing {
  readonly argv: readonly string[];
  readonly isRight: (stdout: string, sha256: string) => boolean;
}

async function openPair(
  ours: (means: Means) => Timing,
  beside: (means: Means) => Timing,
): Promise<OpenPair | LeftOut> {
  const lacks = await lacking("sshd", "ssh", "ssh-keygen", "scp");
  if (lacks !== undefined) return lacks;
  const programs: Programs | undefined = await compiled();
  if (programs === undefined) return NOT_COMPILED;
  await using undo = new AsyncDisposableStack();
  const host = undo.use(await SshHost.start());
  const folder = host.folder.at("open");
  await Deno.mkdir(folder);
  await Deno.chmod(folder, 0o777);
  const fleet = undo.use(await RealFleet.start(programs));
  const memory = new RssWatch({
    Manager: fleet.manager.daemon.pid,
    agent: fleet.agent.pid,
  });
  const file = host.folder.at("bulk");
  const means: Means = { fleet, host, file, target: `${folder}/copy` };
  const rate = async (timing: Timing, sha256: string) => {
    const ms = await timedWell(timing.argv, {
      complains: true,
      isRight: (stdout) =>
        timing.isRight(new TextDecoder().decode(stdout), sha256),
    });
    return BULK_BYTES / 1e3 / ms;
  };
  const newFile = async () => {
    await Deno.remove(file).catch(() => {}); // the first time there is none
    return await writeBulk(file);
  };
  const opened = undo.move();
  return {
    async ours() {
      const sha256 = await newFile();
      return await memory.during(() => rate(ours(means), sha256));
    },
    async beside() {
      return await rate(beside(means), await newFile());
    },
    notes: () => memory.notes(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** The same command with a file as its input. */
function withStdin(file: string, argv: readonly string[]): string[] {
  return ["sh", "-c", 'exec "$@" < "$0"', file, ...argv];
}
