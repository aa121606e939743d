import { PiriError } from "../lib/base/errors.ts";
import { compiled } from "../scripts/local/programs.ts";
import { writeBulk } from "./bulk.ts";
import { clush, loopbackAddresses } from "./clush.ts";
import { type LeftOut, NOT_QUICK, type OpenPair, type Pair } from "./pair.ts";
import { lacking } from "./peer.ts";
import { NOT_COMPILED, RealFleet } from "./real_fleet.ts";
import { SshHost } from "./ssh_host.ts";
import { timed, timedWell } from "./timed.ts";

const HOSTS = 50;
const FILE_BYTES = 10_000_000;

/** Name of the copy, in the folder that each agent has for itself under one path. */
const COPY = "copy";

/** A file for fifty hosts, beside ClusterShell, which starts an scp for each host. */
export const putFifty: Pair = {
  name: "put-fifty",
  instead: { tool: "clush", task: "Put 10 MB on 50 hosts" },
  unit: "ms",
  goal: { most: 1 / 5 },
  ours: `${
    FILE_BYTES / 1e6
  } MB by \`put FILE 'web-*:PATH'\` to ${HOSTS} real compiled agents, each with a folder of its own at that path; another content each time`,
  beside:
    `\`clush -f ${HOSTS} --copy FILE --dest PATH\` to ${HOSTS} loopback addresses, all with one and the same folder`,
  async open(size): Promise<OpenPair | LeftOut> {
    if (size === "quick") return NOT_QUICK;
    const lacks = await lacking(
      ...["clush", "sshd", "ssh", "ssh-keygen", "scp", "unshare"] as const,
    );
    if (lacks !== undefined) return lacks;
    const programs = await compiled();
    if (programs === undefined) return NOT_COMPILED;
    if (Deno.build.os !== "linux" || !await mayMount()) {
      return { leftOut: "agents have folders of their own as root on Linux" };
    }
    await using undo = new AsyncDisposableStack();
    const addresses = loopbackAddresses(HOSTS);
    const host = undo.use(await SshHost.start(addresses));
    const open = host.folder.at("open");
    await Deno.mkdir(open);
    await Deno.chmod(open, 0o777);
    const own = (id: string) => host.folder.at(`own-${id}`);
    const fleet = undo.use(
      await RealFleet.start(programs, {
        agents: HOSTS,
        around: async (id, argv) => {
          await Deno.mkdir(own(id));
          return [...WITH_MOUNT, own(id), open, ...argv];
        },
      }),
    );
    const file = host.folder.at("bulk");
    const newFile = async () => {
      await Deno.remove(file).catch(() => {}); // the first time there is none
      await writeBulk(file, FILE_BYTES);
    };
    const opened = undo.move();
    return {
      async ours() {
        await newFile();
        const argv = fleet.command("put", file, `web-*:${open}/${COPY}`);
        const ms = await timedWell(argv, {
          complains: true,
          isRight: () => true,
        });
        for (let i = 1; i <= HOSTS; i++) {
          await requireCopy(file, `${own(`web-${i}`)}/${COPY}`);
        }
        return ms;
      },
      async beside() {
        await newFile();
        const copy = `${open}/${COPY}`;
        const argv = clush(host, addresses, "--copy", file, "--dest", copy);
        const ms = await timedWell(argv, {
          complains: true,
          isRight: () => true,
        });
        await requireCopy(file, copy);
        return ms;
      },
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};

/** Starts a program with a folder in the place of another one, for itself alone. */
const WITH_MOUNT = [
  ...["unshare", "--mount", "sh", "-ec"],
  'mount --bind "$1" "$2"; shift 2; exec "$@"',
  "sh",
];

async function mayMount(): Promise<boolean> {
  return (await timed(["unshare", "--mount", "true"])).code === 0;
}

/** @throws {PiriError} INTERNAL unless a copy is there, as long as its file and with the same end */
async function requireCopy(file: string, copy: string): Promise<void> {
  if (await endOf(copy) === await endOf(file)) return;
  throw new PiriError("INTERNAL", `Cannot measure: "${copy}" is no copy`);
}

async function endOf(path: string): Promise<string> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  const end = new Uint8Array(64);
  await file.seek(-end.length, Deno.SeekMode.End);
  await file.read(end);
  return `${size} ${end.join(" ")}`;
}
