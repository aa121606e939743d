import { assertEquals, assertMatch } from "@std/assert";
import { commandRun } from "../../lib/operations/command_run.ts";
import type { Surroundings } from "../../lib/operations/surroundings.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { entryOf } from "./host.ts";
import { runElsewhere } from "./run_elsewhere.ts";
import { finish, newContext, textOf } from "./support.ts";

const posix = Deno.build.os !== "windows";
const linux = Deno.build.os === "linux";
const isRoot = linux && Deno.uid() === 0;

/** Variables of a shell that nobody wants in a command. */
const SHELL_VARIABLES = {
  HOME: "/home/developer",
  USER: "developer",
  LOGNAME: "developer",
  SHELL: "/bin/developer",
  PATH: `/home/developer/bin:${Deno.env.get("PATH")}`,
  TMPDIR: "/home/developer/tmp",
  "http_proxy": "http://user:password@proxy:3128",
  PIRI_JOIN_TOKEN: "secret",
  PIRI_TOKEN: "secret",
  XDG_RUNTIME_DIR: "/run/user/1000",
};

/** All that an agent has in a bare service environment: nothing. */
const NOTHING = Object.fromEntries(
  [...Object.keys(SHELL_VARIABLES), "LANG", "LANGUAGE", "LC_ALL", "TZ"]
    .map((name) => [name, undefined]),
);

Deno.test({
  name:
    "a program has the variables of its user's entry if the agent has no variables",
  ignore: !linux,
  fn: async () => {
    const { name, home, shell } = await entryOf(String(Deno.uid()));
    assertEquals(picked(await environment({}, { variables: NOTHING })), {
      HOME: home,
      LANG: "C.UTF-8",
      LOGNAME: name,
      PATH: standardPath(isRoot),
      SHELL: shell,
      USER: name,
    });
  },
});

Deno.test({
  name:
    "a program gets language and time zone of the shell that started the agent, and nothing else",
  ignore: !linux,
  fn: async () => {
    const host = { LANG: "de_DE.UTF-8", LC_TIME: "C", TZ: "Asia/Tokyo" };
    const variables = { ...SHELL_VARIABLES, ...host };
    const { name, home, shell } = await entryOf(String(Deno.uid()));
    assertEquals(picked(await environment({}, { variables })), {
      ...host,
      HOME: home,
      LOGNAME: name,
      PATH: standardPath(isRoot),
      SHELL: shell,
      USER: name,
    });
  },
});

Deno.test({
  name: "another user has the PATH of users that are not root (needs root)",
  ignore: !isRoot,
  fn: async () => {
    const { home, shell } = await entryOf("nobody");
    const env = await environment(
      { user: "nobody", cwd: "/" },
      { variables: SHELL_VARIABLES },
    );
    assertEquals(env.PATH, standardPath(false));
    assertEquals([env.HOME, env.SHELL, env.USER, env.LOGNAME], [
      home,
      shell,
      "nobody",
      "nobody",
    ]);
  },
});

Deno.test({
  name:
    "the agent's configuration sets PATH and variables, and the command's own count more",
  ignore: !posix,
  fn: async () => {
    const env = await environment({ env: { B: "of the command" } }, {
      surroundings: {
        path: "/usr/bin:/bin:/opt/tools",
        environment: { A: "of the agent", B: "of the agent" },
      },
    });
    assertEquals(env.PATH, "/usr/bin:/bin:/opt/tools");
    assertEquals([env.A, env.B], ["of the agent", "of the command"]);
  },
});

Deno.test({
  name:
    "a program is searched in the PATH that it gets, and not in the agent's",
  ignore: !posix,
  fn: async () => {
    await using folder = await TempFolder.make();
    const path = folder.at("only-here");
    await Deno.writeTextFile(path, "#!/bin/sh\necho found\n", { mode: 0o755 });
    const variables = { PATH: folder.path };
    const params = { argv: ["only-here"] };
    const refused = await runElsewhere(variables, params);
    const found = await runElsewhere(variables, params, { path: folder.path });

    assertEquals(refused.code, "NOT_STARTED");
    assertMatch(
      refused.message ?? "",
      /there is no such program in the folders of PATH/,
    );
    assertEquals(found.stdout, "found\n");
  },
});

const masks: [string, { umask?: string }, Partial<Surroundings>, string][] = [
  ["the agent's configuration", {}, { umask: 0o027 }, "0027"],
  ["the command", { umask: "077" }, {}, "0077"],
  ["the command, over the agent's configuration", { umask: "0" }, {
    umask: 0o077,
  }, "0000"],
  ["the standard, if the agent's own is unknown", {}, {
    inheritedUmask: undefined,
  }, "0022"],
  ["the standard, if the agent's own is another", {}, {
    inheritedUmask: 0o077,
  }, "0022"],
];

for (const [whose, params, surroundings, umask] of masks) {
  Deno.test({
    name: `the umask of a program is that of ${whose}`,
    ignore: !posix,
    fn: async () => {
      const { stdout } = await finish(commandRun.run(
        { shell: "umask", ...params },
        newContext(undefined, surroundings),
      ));
      assertEquals(textOf(stdout), `${umask}\n`);
    },
  });
}

Deno.test({
  name:
    "a program with a umask of its own has the same process, variables, input and exit code",
  ignore: !posix,
  fn: async () => {
    const context = newContext();
    const { stdout, outcome } = await finish(commandRun.run({
      shell: 'read -r line; echo "$$ $line $A $PIRI_COMMAND"; exit 7',
      env: { A: "a  'b'\n" },
      stdin: "input\n",
      umask: "027",
    }, context));
    const [identity] = context.processes;
    assertEquals(
      textOf(stdout),
      `${identity?.pid} input a  'b'\n ${context.marker}\n`,
    );
    assertEquals(outcome.exitCode, 7);
  },
});

Deno.test({
  name:
    "a variable whose name no shell takes reaches a program with a umask of its own",
  ignore: !posix,
  fn: async () => {
    const { stdout } = await finish(commandRun.run({
      argv: ["/usr/bin/env"],
      env: { "odd.name-1": "x y" },
      umask: "027",
    }, newContext()));
    const lines = textOf(stdout).split("\n");
    assertEquals(lines.filter((line) => line.startsWith("odd")), [
      "odd.name-1=x y",
    ]);
  },
});

/** Environment of a program, as `env` prints it, for an agent with these variables and settings. */
async function environment(
  params: Omit<Parameters<typeof commandRun.run>[0], "argv">,
  { variables = {}, surroundings }: {
    readonly variables?: Readonly<Record<string, string | undefined>>;
    readonly surroundings?: Partial<Surroundings>;
  } = {},
): Promise<Record<string, string | undefined>> {
  const argv = ["/usr/bin/env"];
  const { stdout = "" } = await runElsewhere(
    variables,
    { argv, ...params },
    surroundings,
  );
  const lines = stdout.trimEnd().split("\n");
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s)));
}

/** Environment without the marker. */
function picked(
  { PIRI_COMMAND: _marker, ...env }: Record<string, string | undefined>,
): Record<string, string | undefined> {
  return env;
}

function standardPath(root: boolean): string {
  return root
    ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    : "/usr/local/bin:/usr/bin:/bin";
}
