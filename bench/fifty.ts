import { PiriError } from "../lib/base/errors.ts";
import { CommandState } from "../proto/gen/piri/control/v1/control_messages.ts";
import { compiled } from "../scripts/local/programs.ts";
import { clush, loopbackAddresses } from "./clush.ts";
import { inParallel } from "./parallel.ts";
import {
  type Instead,
  type LeftOut,
  NOT_QUICK,
  type OpenPair,
  type Pair,
} from "./pair.ts";
import { lacking, type Peer } from "./peer.ts";
import { NOT_COMPILED, RealFleet } from "./real_fleet.ts";
import { SshHost } from "./ssh_host.ts";
import { timed, timedWell } from "./timed.ts";

const HOSTS = 50;

/** A way to run a program on many hosts by SSH. */
interface Tool {
  readonly peers: readonly Peer[];
  /** Prepares the tool. `isRight` checks what the prepared tool prints. */
  prepare(host: SshHost, addresses: readonly string[]): Promise<Prepared>;
}

interface Prepared {
  argv(command: string): readonly string[];
  readonly env?: Record<string, string>;
  /** True if the output says that `true` was run everywhere. */
  isRight(stdout: string): boolean;
  /** Ends processes that the tool leaves running. */
  end(): Promise<void>;
}

/** Fifty hosts beside ClusterShell, which starts an ssh for each host. */
export const fifty: Pair = pairBeside({
  name: "fifty",
  instead: { tool: "clush", task: "Run a program on 50 hosts" },
  goal: { most: 1 / 12 },
  beside: `\`clush -f ${HOSTS}\` to ${HOSTS} loopback addresses, sshd as above`,
  tool: {
    peers: ["clush", "sshd", "ssh", "ssh-keygen"],
    prepare: (host, addresses) =>
      Promise.resolve({
        argv: (command) => clush(host, addresses, command),
        isRight: (stdout) => stdout === "",
        end: () => Promise.resolve(),
      }),
  },
});

/** Fifty hosts beside Ansible, which keeps its connections for a minute: only the first round logs in. */
export const fiftyAnsible: Pair = pairBeside({
  name: "fifty-ansible",
  instead: { tool: "ansible", task: "Run a program on 50 hosts" },
  goal: { most: 1 / 7 },
  beside:
    `\`ansible -f ${HOSTS} -m raw\` to ${HOSTS} loopback addresses, connections kept as is its habit`,
  tool: {
    peers: ["ansible", "sshd", "ssh", "ssh-keygen"],
    prepare: prepareAnsible,
  },
});

function pairBeside(
  { name, instead, goal, beside, tool }:
    & Pick<Pair, "name" | "goal" | "beside">
    & {
      readonly instead: Instead;
      readonly tool: Tool;
    },
): Pair {
  return {
    name,
    instead,
    unit: "ms",
    goal,
    ours:
      `\`run 'web-*' -- true\` on ${HOSTS} real compiled agents, after one warm-up round`,
    beside,
    async open(size): Promise<OpenPair | LeftOut> {
      if (size === "quick") return NOT_QUICK;
      const lacks = await lacking(...tool.peers);
      if (lacks !== undefined) return lacks;
      const programs = await compiled();
      if (programs === undefined) return NOT_COMPILED;
      if (Deno.build.os !== "linux") {
        return { leftOut: "only Linux has so many loopback addresses" };
      }
      await using undo = new AsyncDisposableStack();
      const addresses = loopbackAddresses(HOSTS);
      const host = undo.use(await SshHost.start(addresses));
      const prepared = await tool.prepare(host, addresses);
      undo.defer(() => prepared.end());
      await prove(prepared);
      await prepared.end();
      const fleet = undo.use(
        await RealFleet.start(programs, { agents: HOSTS }),
      );
      const opened = undo.move();
      const first: Partial<Record<"ours" | "beside", number>> = {};
      return {
        async ours() {
          // It tells how all of them ended; that is checked in the Manager's history.
          const ms = await timedWell(fleet.run("web-*", "--", "true"), {
            complains: true,
            isRight: (stdout) => stdout.length > 0,
          });
          await checkRuns(fleet);
          first.ours ??= ms;
          return ms;
        },
        async beside() {
          const ms = await timedWell(prepared.argv("true"), {
            env: prepared.env ?? {},
            isRight: (stdout) =>
              prepared.isRight(new TextDecoder().decode(stdout)),
          });
          first.beside ??= ms;
          return ms;
        },
        notes: () => [
          `cold, the first round: ${first.ours?.toFixed(0)} beside ${
            first.beside?.toFixed(0)
          } ms`,
        ],
        [Symbol.asyncDispose]: () => opened.disposeAsync(),
      };
    },
  };
}

/** Checks that all hosts let the tool in, by a command that fails on each. A denied login fails too, and faster. */
async function prove({ argv, env }: Prepared): Promise<void> {
  const { stdout, stderr } = await timed(argv("echo let in; exit 3"), {
    env: env ?? {},
  });
  const text = new TextDecoder().decode(stdout);
  // Ansible asks for a terminal, whose lines end with a carriage return.
  const lines = text.split("\n").map((line) => line.trimEnd());
  const count = lines.filter((line) => line.endsWith("let in"));
  if (count.length === HOSTS) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot measure: ${count.length} of ${HOSTS} hosts let ${argv("")[0]} in\n${
      `${text}${stderr}`.slice(-500)
    }`,
  );
}

async function checkRuns({ manager }: RealFleet): Promise<void> {
  const { commands } = await manager.control.commands.listCommands({
    limit: HOSTS,
    states: [CommandState.SUCCEEDED],
  });
  const agents = new Set(commands.map(({ agent }) => agent));
  const newest = await manager.control.commands.listCommands({ limit: 1 });
  if (
    agents.size === HOSTS && newest.commands[0]?.id === commands[0]?.id
  ) return;
  throw new PiriError(
    "INTERNAL",
    `Cannot measure: only ${agents.size} of ${HOSTS} agents did it`,
  );
}

async function prepareAnsible(
  host: SshHost,
  addresses: readonly string[],
): Promise<Prepared> {
  const { folder } = host;
  const inventory = folder.at("inventory");
  await Deno.writeTextFile(inventory, addresses.join("\n") + "\n");
  const sockets = folder.at("cp");
  const config = folder.at("ansible.cfg");
  await Deno.writeTextFile(config, "[defaults]\n");
  // Ansible's own default options, beside ours.
  const kept = ["-C", "-o", "ControlMaster=auto", "-o", "ControlPersist=60s"];
  return {
    argv: (command) => [
      ...["ansible", "-i", inventory, "-f", String(HOSTS), "all"],
      ...["-m", "raw", "-a", command, "-u", host.user],
    ],
    env: {
      ANSIBLE_CONFIG: config,
      ANSIBLE_LOCAL_TEMP: folder.at("ansible"),
      ANSIBLE_NOCOLOR: "1",
      ANSIBLE_SSH_ARGS: [...kept, ...host.options].join(" "),
      ANSIBLE_SSH_CONTROL_PATH_DIR: sockets,
    },
    isRight: (stdout) => stdout.split("| CHANGED | rc=0").length === HOSTS + 1,
    end: () => endMasters(sockets),
  };
}

/** Ends the connections that ssh has kept for later. */
async function endMasters(folder: string): Promise<void> {
  const sockets: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) sockets.push(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  await inParallel(sockets, 10, async (name) => {
    await timed(["ssh", "-O", "exit", "-S", `${folder}/${name}`, "any"]);
  });
}
