import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { expandNamedTargets } from "../../lib/cli/named_targets.ts";
import { operatorConfigPath } from "../../lib/cli/operator_config.ts";
import { parseSubcommand } from "../../lib/cli/arguments.ts";
import type { SubcommandTable } from "../../lib/cli/command.ts";
import { withSettings } from "../../lib/cli/own_settings.ts";
import { command, FakeManager, job } from "./fake_manager.ts";
import { programOf, see, type Seen } from "./manager/start.ts";

const PATH = "/home/ann/.config/piri/config.yaml";

const CONFIG = `# mine
color: always
targets:
  web-prod: "@web & env=prod"
  both: "%web-prod, db-1"
defaults:
  commands:
    limit: 7
    agent: web-9
  ping:
    exclude: ["@old", "%web-prod"]
    connected: true
    timeout: 2s
`;

/** Runs a subcommand as a user with this file. */
function as(
  args: string[],
  { text = CONFIG, env = {}, files = {}, manager = new FakeManager() }: {
    text?: string;
    env?: Record<string, string>;
    files?: Record<string, string>;
    manager?: FakeManager;
  } = {},
): Promise<Seen> {
  return see(args, {
    manager,
    env: { HOME: "/home/ann", ...env },
    files: { [PATH]: text, ...files },
  });
}

Deno.test("a user's settings are flags that were not typed, and those that were typed count more", async () => {
  const mine = await as(["commands"], { manager: withCommand() });
  const typed = await as(["commands", "--limit=9", "--agent", "web-1"], {
    manager: withCommand(),
  });

  assertEquals(
    [mine, typed].map(({ manager }) => manager.lists[0])
      .map((request) => [request?.limit, request?.agent]),
    [[7, "web-9"], [9, "web-1"]],
  );
});

Deno.test("a flag without a value is undone by =false", async () => {
  const { manager } = await as(["ping", "all", "--connected=false"]);

  assertEquals(manager.pings[0]?.selection?.connectedOnly, false);
});

Deno.test("settings of every type of flag are taken, and named targets replaced in them and in arguments", async () => {
  const { manager, code } = await as(["ping", "%both ! web-1"]);
  const [request] = manager.pings;

  assertEquals(code, 0);
  assertEquals(request?.timeoutMs, 2_000);
  assertEquals(request?.selection?.connectedOnly, true);
  assertEquals(request?.selection?.expressions, [
    "((@web & env=prod), db-1) ! web-1",
  ]);
  assertEquals(request?.selection?.exclude, ["@old", "(@web & env=prod)"]);
});

Deno.test("--explain tells which values came from the file, with their lines", async () => {
  const { stderr } = await as(
    ["--explain", "ping", "%web-prod", "--timeout", "1s", "--json"],
  );

  assertEquals(stderr.split("\n"), [
    `--exclude @old %web-prod: from ${PATH}, line 11`,
    `--connected true: from ${PATH}, line 12`,
    `%web-prod: (@web & env=prod), from ${PATH}`,
    `%web-prod: (@web & env=prod), from ${PATH}`,
    "",
  ]);
});

Deno.test("named targets are replaced in a file of targets, too, and explained", async () => {
  const seen = await as(
    ["--explain", "targets", "db-[1-2]", "--targets-file", "hosts", "--json"],
    { files: { hosts: '# ours\n%web-prod ! web-3 # but one\nnote="%x"\n' } },
  );

  assertEquals(seen.manager.selections.map((each) => each?.expressions), [
    ["db-[1-2]", "(@web & env=prod) ! web-3", 'note="%x"'],
  ]);
  assertEquals(
    seen.stderr,
    `%web-prod ! web-3: (@web & env=prod) ! web-3, from ${PATH}\n`,
  );
});

Deno.test("an unknown named target in a file of targets is an error, also with --no-config", async () => {
  const files = { hosts: "%web-prd\n" };
  const near = await as(["targets", "--targets-file", "hosts"], { files });
  const none = await as(
    ["targets", "--targets-file", "hosts", "--no-config"],
    { files },
  );

  assertEquals([near.code, none.code], [5, 5]);
  assertEquals(near.stderr.includes('did you mean "web-prod"?'), true);
  assertEquals([near, none].flatMap(({ manager }) => manager.selections), []);
});

Deno.test("--no-config and PIRI_NO_CONFIG leave the file alone", async () => {
  const flag = await as(["ping", "all", "--no-config"]);
  const variable = await as(["ping", "all"], { env: { PIRI_NO_CONFIG: "1" } });

  assertEquals(
    [flag, variable].map(({ manager }) => manager.pings[0]?.timeoutMs),
    [undefined, undefined],
  );
});

Deno.test("a mistake in the file is told with its line and the nearest word", async () => {
  const mistakes = [
    "defaults:\n  pign:\n    timeout: 2s\n",
    "defaults:\n  ping:\n    timeuot: 2s\n",
    "defaults:\n  ping:\n    timeout: soon\n",
    "targets:\n  web: 3\n",
    "colour: always\n",
  ];
  const told: string[] = [];
  for (const text of mistakes) {
    const { code, stderr } = await as(["ping", "all"], { text });
    told.push(`${code} ${stderr.split("\n")[0]?.replace(`"${PATH}"`, "it")}`);
  }

  assertEquals(told, [
    '2 error: Cannot read it: line 2: "defaults.pign" is not a setting; did you mean "ping"?',
    '2 error: Cannot read it: line 3: "defaults.ping.timeuot" is not a setting; did you mean "timeout"?',
    '2 error: Cannot read it: line 3: "defaults.ping.timeout" is wrong: it should be a number and one of ms, s, m, h, d, w, as 30s or 1h30m',
    '2 error: Cannot read it: line 2: "targets.web" is wrong: it should be a target expression in quotes',
    '2 error: Cannot read it: line 1: "colour" is not a setting; did you mean "color"?',
  ]);
});

Deno.test("an unknown named target gives the nearest, or the way to make one", async () => {
  const near = await as(["ping", "%web-prd"]);
  const none = await see(["ping", "%web-prod"]);

  assertEquals([near.code, none.code], [5, 5]);
  assertEquals(
    near.stderr,
    `error: Cannot find the targets "%web-prd": there is no such name in "${PATH}"\n` +
      'hint: did you mean "web-prod"?\n',
  );
  assertEquals(
    none.stderr.split("\n")[1],
    'hint: put it into ~/.config/piri/config.yaml, as targets: {web-prod: "@web & env=prod"}',
  );
});

Deno.test("a name is replaced only at the beginning of an item, and not within quotes", () => {
  const config = { path: PATH, targets: { a: "x", b: "%a,y" } };
  const texts = [
    "%a",
    "all!%b",
    "(%a)",
    'note="100 %a"',
    "os=50%a",
    "web-1,%a & %b",
  ];

  assertEquals(expandNamedTargets(texts, config), [
    "(x)",
    "all!((x),y)",
    "((x))",
    'note="100 %a"',
    "os=50%a",
    "web-1,(x) & ((x),y)",
  ]);
  const circle = { path: PATH, targets: { a: "%b", b: "%a" } };
  const error = assertThrows(
    () => expandNamedTargets(["%a"], circle),
    PiriError,
  );
  assertEquals(
    error.message,
    `Cannot read "${PATH}": the targets %a > %b > %a mean each other`,
  );
});

Deno.test("the settings are in the folder that the system has for them", () => {
  const path = (
    env: Record<string, string>,
    os: typeof Deno.build.os = "linux",
  ) => operatorConfigPath({ env: (name) => env[name] }, os);

  assertEquals(path({ HOME: "/home/ann" }), PATH);
  assertEquals(
    path({ HOME: "/home/ann", XDG_CONFIG_HOME: "/etc/ann" }),
    "/etc/ann/piri/config.yaml",
  );
  assertEquals(path({ HOME: "/home/ann", XDG_CONFIG_HOME: "etc" }), PATH);
  assertEquals(path({}), undefined);
  assertEquals(
    path({ APPDATA: "C:\\Users\\ann\\AppData\\Roaming" }, "windows"),
    "C:\\Users\\ann\\AppData\\Roaming\\piri\\config.yaml",
  );
});

Deno.test("named targets are completed, with their expressions", async () => {
  const { stdout } = await as(["__complete", "--", "run", "db-1,%w"]);

  assertEquals(stdout, "words\ndb-1,%web-prod\t@web & env=prod\n");
});

Deno.test("--utc prints times of lists in UTC", async () => {
  const { stdout } = await see(["commands", "--utc"], {
    manager: withCommand(),
    terminals: ["stdout"],
  });

  assertEquals(stdout.includes("2026-01-01 00:00:00Z"), true);
});

function withCommand(): FakeManager {
  const manager = new FakeManager();
  manager.commands = [command()];
  return manager;
}

/** Subcommands of the manager with the words that lead to them. */
const TABLES = programOf(new FakeManager()).subcommands.flatMap((
  entry,
): [string, SubcommandTable][] =>
  "subcommands" in entry
    ? [
      ...(entry.itself === undefined
        ? []
        : [[entry.name, entry.itself]] as [string, SubcommandTable][]),
      ...entry.subcommands.map((
        table,
      ): [string, SubcommandTable] => [`${entry.name} ${table.name}`, table]),
    ]
    : [[entry.name, entry]]
);

/** Pairs of flags of which one contradicts the other, in both orders. */
const PAIRS = TABLES.flatMap(([words, table]) =>
  Object.entries(table.flags).flatMap(([name, { apart = [] }]) =>
    apart.filter((other) => other in table.flags)
      .flatMap((other) => [{ words, table, typed: name, own: other }, {
        words,
        table,
        typed: other,
        own: name,
      }])
  )
);

Deno.test("a default that contradicts any flag that was typed is left out", () => {
  const kept = PAIRS.filter(({ words, table, typed, own }) => {
    const parsed = parseSubcommand(
      { ...table, positionals: {} },
      typedFlag(typed, table),
    );
    const { flags, fromSettings } = withSettings(parsed, {
      path: PATH,
      color: undefined,
      targets: {},
      defaults: { [words]: { [own]: { value: "x", text: "x" } } },
      lineOf: () => undefined,
    }, { table, words: words.split(" ") });
    return fromSettings.has(own) || flags[own] === "x";
  });

  assertEquals(kept, []);
  assertEquals(PAIRS.length > 40, true);
});

/** Arguments that set a flag. */
function typedFlag(name: string, { flags }: SubcommandTable): string[] {
  const flag = flags[name];
  switch (flag?.type) {
    case "boolean":
      return [`--${name}`];
    case "duration":
      return [`--${name}=1s`];
    case "number":
      return [`--${name}=${flag.least}`];
    default:
      return [`--${name}=x`];
  }
}

Deno.test("flags that a flag contradicts or needs are there", () => {
  const known = new Set([
    ...TABLES.flatMap(([, { flags }]) => Object.keys(flags)),
    "--",
    "json",
  ]);
  const named = TABLES.flatMap(([, { flags }]) =>
    Object.values(flags).flatMap(({ apart = [], needs = [] }) => [
      ...apart,
      ...needs,
    ])
  );

  assertEquals(named.filter((name) => !known.has(name)), []);
});

for (
  const [own, args, taken] of [
    ["cancel: {grace: 30s}", ["cancel", "12", "--now"], 1],
    ["cancel: {now: true}", ["cancel", "12", "--grace", "7s"], 7_000],
    ["cancel: {now: true}", ["cancel", "12", "--grace=7s"], 7_000],
    ["cancel: {now: true}", ["cancel", "12"], 1],
  ] as const
) {
  Deno.test(`${args.join(" ")} under the default ${own} asks for a grace of ${taken} ms`, async () => {
    const { code, manager } = await as([...args], {
      text: `defaults: {${own}}`,
      manager: withCommand(),
    });

    assertEquals([code, manager.cancels[0]?.graceMs], [0, taken]);
  });
}

for (
  const [own, args, code] of [
    ["rerun: {failed: true}", "rerun j-17 --lost --detach", 0],
    ["rerun: {failed: true}", "rerun 12 --detach", 0],
    ["run: {stream: true}", "run web-1 --diff --detach -- x", 0],
    ["run: {raw: true}", "run web-1 --timestamps --detach -- x", 0],
    ["run: {utc: true, within: 1m}", "run web-1 --detach -- x", 0],
    ["run: {exit-code: true}", "run web-1 --detach -- x", 0],
    ["run: {exit-code: true}", "run web-1 web-2 --detach -- x", 0],
    ["run: {op: test.Sleep}", "run web-1 --detach -- x", 0],
    ["run: {cwd: /srv}", "run web-1 --op test.Sleep seconds:=1 --detach", 0],
    ["run: {pause: 1m, cancel-rest: true}", "run web-1 --detach -- x", 0],
    ["run: {seed: 3, signatures: 2}", "run web-1 --detach -- x", 0],
    ["show: {output: true}", "show j-17", 0],
    ["run: {stream: true}", "run web-1 --raw --diff --detach -- x", 2],
    ["run: {stream: true}", "run web-1 --utc --detach -- x", 2],
  ] as const
) {
  Deno.test(`${args} under the default ${own} exits ${code}`, async () => {
    const manager = withCommand();
    manager.jobs = [job()];
    const seen = await as(args.split(" "), {
      text: `defaults: {${own}}`,
      manager,
    });

    assertEquals([seen.code, seen.code === 2], [code, seen.stderr !== ""]);
  });
}

Deno.test("--explain tells of a default that was left out, and why", async () => {
  const { stderr } = await as(["--explain", "cancel", "12", "--now"], {
    text: "defaults:\n  cancel:\n    grace: 30s\n",
    manager: withCommand(),
  });

  assertEquals(
    stderr,
    `--grace 30s: from ${PATH}, line 3; left out: it contradicts --now\n`,
  );
});
