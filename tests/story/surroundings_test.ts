import { assertEquals, assertMatch } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { startFleet } from "../support/fleet.ts";
import { NEEDS_PROC, story } from "../support/story.ts";

/** Reason to skip a story in which the agent changes users. */
const NEEDS_ROOT = NEEDS_PROC ??
  (Deno.uid() === 0 ? undefined : "only root may run programs as others");

/** Prints all that a program inherits, but its marker. */
const SHOW =
  "env | grep -v -e ^PIRI_COMMAND= -e ^PWD= -e ^_= -e ^SHLVL= | sort; umask; ulimit -S -n; ulimit -S -c; pwd";

/** Command line that starts an agent from a shell with these settings. */
function startedBy(
  settings: string,
  agent: readonly string[],
): readonly string[] {
  return ["/bin/sh", "-c", `${settings} "$@"`, "sh", ...agent];
}

story(
  "a command has the same surroundings, whoever started the agent",
  async (executables) => {
    const shells = {
      service: "exec env -i",
      developer:
        "umask 077; ulimit -S -c 100; export PATH=/home/dev/bin:$PATH HOME=/tmp TMPDIR=/tmp/dev EDITOR=vi http_proxy=x PIRI_TOKEN=secret; unset LANG LC_ALL; exec",
    };
    const seen = [];
    for (const settings of Object.values(shells)) {
      await using fleet = await startFleet({
        ...executables,
        agent: startedBy(settings, executables.agent),
      }, { agents: ["web-1"] });
      const { stdout } = await fleet.manager("run", "web-1", "--shell", SHOW);
      seen.push(stdout);
      const journal = `${fleet.agent("web-1").dir}/journal`;
      const modes = [...Deno.readDirSync(journal)].map(({ name }) =>
        (Deno.statSync(`${journal}/${name}`).mode ?? 0) & 0o077
      );
      assertEquals(modes.filter((mode) => mode !== 0), []);
    }
    assertEquals(seen[1], seen[0]);
    assertMatch(
      seen[0] ?? "",
      /^HOME=.+\nLANG=C\.UTF-8\nLOGNAME=.+\nPATH=\/usr\/local\/.+\nSHELL=.+\nUSER=.+\n0022\n1024\n0\n\/.*\n$/,
    );
  },
  { ignored: NEEDS_PROC },
);

story(
  "a command has the surroundings that agent.yaml and the command line set",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1"],
      agentConfig: {
        commands: {
          path: "/usr/bin:/bin",
          umask: "027",
          environment: { A: "agent", B: "agent", C: "agent" },
          limits: { openFiles: 512 },
        },
      },
    });
    const file = await fleet.folder.write("env", "# ours\nB='file'\nC=file\n");
    const show = "echo $PATH $A $B $C; umask; ulimit -S -n";

    const configured = await fleet.manager("run", "web-1", "--shell", show);
    const given = await fleet.manager(
      ...["run", "web-1", "--env-file", file, "--env", "C=flag"],
      ...["--umask", "077", "--shell", show],
    );

    assertEquals(
      configured.stdout,
      "/usr/bin:/bin agent agent agent\n0027\n512\n",
    );
    assertEquals(given.stdout, "/usr/bin:/bin agent file flag\n0077\n512\n");
  },
  { ignored: NEEDS_PROC },
);

story(
  "a command runs as another user and group, and says why it cannot",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const run = (...args: string[]) => fleet.manager("run", "web-1", ...args);

    const group = await run("--user", "nobody:60", "--", "id", "-g");
    const folder = await run("--user", "nobody", "--cwd", "/root", "--", "pwd");
    const user = await run("--user", "nobody-7", "--", "id");

    assertEquals(group.stdout, "60\n");
    assertEquals([folder.code, user.code], [ExitCode.failed, ExitCode.failed]);
    assertMatch(
      folder.stderr,
      /Cannot start "pwd": the user "nobody" may not enter the folder "\/root"; choose another folder with cwd, or another user/,
    );
    assertMatch(user.stderr, /Cannot act as "nobody-7": no such user/);
  },
  { ignored: NEEDS_ROOT },
);

story(
  "a file whose name is not UTF-8 is removed by its bytes",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const { path } = fleet.folder;
    const make =
      `cd ${path} && touch "$(printf 'caf\\351')" && ls | grep -c caf`;

    const made = await fleet.manager("run", "web-1", "--shell", make);
    const argv = ["rm", `${path}/caf\xe9`].map((word) => btoa(word));
    const removed = await fleet.manager(
      ...["run", "web-1", "--op", "command.Run"],
      `argv_base64:=${JSON.stringify(argv)}`,
    );
    const left = await fleet.manager(
      ...["run", "web-1", "--shell", `ls ${path} | grep -c -a caf`],
    );

    assertEquals(made.stdout, "1\n");
    assertEquals([removed.code, removed.stderr], [ExitCode.ok, ""]);
    assertEquals(left.stdout, "0\n");
  },
  { ignored: NEEDS_PROC },
);
