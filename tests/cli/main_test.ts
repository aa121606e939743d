import { assert, assertEquals } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { FakeManager } from "./fake_manager.ts";
import { FakeTerminal } from "./fake_terminal.ts";
import { programOf, see } from "./manager/start.ts";

Deno.test("--version tells version, commit, protocol and runtime", async () => {
  const text = await see(["--version"]);
  const json = await see(["--version", "--json"]);

  assertEquals(
    text.stdout,
    "piri-manager 1.2.3 (commit abc1234, protocol 2, deno 2.7.11)\n",
  );
  assertEquals(JSON.parse(json.stdout), {
    name: "piri-manager",
    version: "1.2.3",
    commit: "abc1234",
    protocol: 2,
    runtime: "deno 2.7.11",
  });
});

Deno.test("--help of a program lists its subcommands and exit codes", async () => {
  const { code, stdout } = await see(["--help"]);

  assertEquals(code, 0);
  assertEquals(
    stdout.split("\n").filter((line) => /^ {2}(run|agent|8|--dir) /.test(line))
      .map((line) => line.trim().split(/ {2,}/).join(": ")),
    [
      "agent: add, install, change, restart, revoke or remove agents",
      "run: run a program or operation on agents and show its output",
      "--dir DIR: the state folder (default: /var/lib/piri-manager)",
      "8: lost: nobody can say how a command ended",
    ],
  );
});

Deno.test("--help of a subcommand describes it completely", async () => {
  const { code, stdout } = await see(["agent", "add", "--help"]);

  assertEquals(code, 0);
  assertEquals(
    stdout,
    `piri-manager agent add: add an agent and print its join token

Usage: piri-manager agent add <name> [flags]

Arguments:
  <name>  name of the agent

Flags:
  --group NAME        group of the agent; may be repeated
  --cidr NETWORK      network that the agent may connect from (default: any);
                      may be repeated
  --expires TIME      how long the token is valid, at most 3650d (default: 24h)
  --secret-file FILE  file with the secret of a legacy agent (of 2024), which
                      has no join token; "-" for stdin
  --secret-hash HEX   SHA-256 of that secret, instead of the secret itself
  --dir DIR           the state folder (default: /var/lib/piri-manager)
  --json              print JSON, one value a line
  --help              show this help

Examples:
  piri-manager agent add web-1 --group web --cidr 10.0.0.0/8
  piri-manager agent add web-1 > token
  piri-manager agent add old-1 --secret-file old-1.secret
`,
  );
});

Deno.test("--help of run tells the exit code for several commands", async () => {
  const { stdout } = await see(["run", "--help"]);

  const [, codes = ""] = stdout.split(
    "Exit code (of several agents: the first that applies):\n",
  );
  assertEquals(
    codes.split("\n\n")[0]?.split("\n")
      .map((line) => line.trim().split(" ")[0]),
    ["8", "9", "6", "4", "7", "3", "5", "2", "1", "0", "130"],
  );
});

Deno.test("every subcommand has help with an example", async () => {
  const { subcommands } = programOf(new FakeManager());
  const shown = subcommands.filter((entry) =>
    "subcommands" in entry || entry.isInternal !== true
  );
  const paths = shown.flatMap((entry) =>
    "subcommands" in entry
      ? entry.subcommands.map(({ name }) => [entry.name, name])
      : [[entry.name]]
  );
  const without: string[][] = [];
  for (const path of paths) {
    const { code, stdout } = await see([...path, "--help"]);
    const example = `Examples:\n  piri-manager ${path.join(" ")}`;
    if (code !== 0 || !stdout.includes(example)) without.push(path);
  }

  assertEquals(without, []);
  assert(paths.length >= 18, `only ${paths.length} were found`);
});

Deno.test("help is an error when nobody asked for it", async () => {
  const manager = new FakeManager();
  manager.down = true;
  const program = await see([], { manager });
  const group = await see(["agent"]);

  assertEquals([program.code, program.stdout], [2, ""]);
  assertEquals(
    program.stderr.split("\n")[2],
    "Usage: piri-manager <subcommand> [arguments]",
  );
  assertEquals([group.code, group.stdout], [2, ""]);
});

Deno.test("an unknown subcommand exits 2 and names the nearest", async () => {
  const program = await see(["agnets"]);
  const group = await see(["agent", "ad"]);

  assertEquals(program.code, 2);
  assertEquals(
    program.stderr,
    'error: Cannot run "piri-manager agnets": there is no such subcommand\n' +
      'hint: did you mean "agents"? "piri-manager --help" lists them all\n',
  );
  assertEquals(
    group.stderr,
    'error: Cannot run "piri-manager agent ad": there is no such subcommand\n' +
      'hint: did you mean "add"? "piri-manager agent --help" lists them all\n',
  );
});

Deno.test("an unknown flag exits 2 and names the nearest", async () => {
  const { code, stderr } = await see(["run", "web-1", "--timeuot", "5m"]);

  assertEquals(code, 2);
  assertEquals(
    stderr,
    'error: Cannot understand "--timeuot": there is no such flag\n' +
      'hint: did you mean "--timeout"?\n',
  );
});

Deno.test("an error with --json is one object on stderr, and stdout is empty", async () => {
  const { code, stdout, stderr } = await see(["run", "web-1", "--json", "-x"]);

  assertEquals([code, stdout], [2, ""]);
  assertEquals(JSON.parse(stderr), {
    error: {
      code: "INVALID_ARGUMENT",
      message: 'Cannot understand "-x": there is no such flag',
      hint: '"run --help" lists the flags',
    },
  });
});

Deno.test("run does not take the --json of its program for its own", async () => {
  const { stderr } = await see(["run", "--", "ls", "--json"]);

  assertEquals(
    stderr.split("\n")[0],
    "error: Cannot find the targets: no expression is given",
  );
});

Deno.test("--dir may stand before or after the subcommand; by default it is the user's own folder", async () => {
  const manager = new FakeManager();
  await see(["--dir", "/a", "agents"], { manager });
  await see(["agents", "--dir", "/b"], { manager });
  await see(["agents"], { manager });

  assertEquals(manager.dirs, ["/a", "/b", "/var/lib/piri-manager"]);
});

Deno.test("a user without a state folder gets help, and otherwise the advice to use --dir", async () => {
  const program = {
    ...programOf(new FakeManager()),
    defaultDir: () => {
      throw new PiriError(
        "FAILED_PRECONDITION",
        "Cannot choose a state folder: HOME is not set; use --dir",
      );
    },
  };
  const terminal = new FakeTerminal();

  assertEquals(await main(program, ["--help"], terminal), 0);
  assertEquals(await main(program, ["agents"], terminal), 1);
  assertEquals(
    terminal.stderr.text,
    "error: Cannot choose a state folder: HOME is not set; use --dir\n",
  );
});

Deno.test("a fault in the program is told with its stack", async () => {
  const manager = new FakeManager();
  manager.connect = () => Promise.reject(new TypeError("x is not a function"));
  const { code, stderr } = await see(["agents"], { manager });

  assertEquals(code, 1);
  assertEquals(
    stderr.split("\n").slice(0, 2),
    ["error: x is not a function", "TypeError: x is not a function"],
  );
});

Deno.test("errors spell out what could steer a terminal", async () => {
  const { stderr } = await see(["agents\x1b[2J"]);

  assertEquals(
    stderr.split("\n")[0],
    'error: Cannot run "piri-manager agents\\x1b[2J": there is no such subcommand',
  );
});
