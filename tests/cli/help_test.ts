import { assert, assertEquals } from "@std/assert";
import { agentProgram } from "../../lib/cli/agent/program.ts";
import type { AgentServices } from "../../lib/cli/agent/services.ts";
import type { Program, SubcommandTable } from "../../lib/cli/command.ts";
import {
  groupHelp,
  programHelp,
  subcommandHelp,
  topicHelp,
} from "../../lib/cli/help.ts";
import { FakeManager } from "./fake_manager.ts";
import { BUILD, programOf, see } from "./manager/start.ts";

const NO_SERVICES: AgentServices = {
  asWindowsService: () => Promise.reject(new TypeError("not here")),
  customOperations: () => Promise.reject(new TypeError("not here")),
  guard: () => Promise.resolve(""),
  joinedBy: () => Promise.reject(new TypeError("not here")),
  service: () => Promise.reject(new TypeError("not here")),
  join: () => Promise.reject(new Error("unused")),
  run: () => Promise.reject(new Error("unused")),
  commands: () => Promise.reject(new Error("unused")),
  verifyCommands: () => Promise.reject(new Error("unused")),
  check: () => {
    throw new Error("unused");
  },
  policy: {
    check: () => Promise.reject(new Error("unused")),
    test: () => Promise.reject(new Error("unused")),
    reload: () => Promise.reject(new Error("unused")),
  },
};

function agentProgramOf(): Program<AgentServices> {
  return agentProgram({
    build: BUILD,
    defaultDir: () => "/var/lib/piri-agent",
    services: NO_SERVICES,
  });
}

/** Every help text of a program. */
function helpsOf<Services>(program: Program<Services>): string[] {
  return [
    programHelp(program),
    ...program.topics.map((topic) => topicHelp(program, topic)),
    ...program.subcommands.flatMap((entry) =>
      "subcommands" in entry
        ? [
          groupHelp(program, entry),
          ...entry.subcommands.map((table) =>
            subcommandHelp(program, [entry.name, table.name], table)
          ),
        ]
        : [subcommandHelp(program, [entry.name], entry)]
    ),
  ];
}

Deno.test("help fits into a terminal of 80 columns", () => {
  const helps = [
    ...helpsOf(programOf(new FakeManager())),
    ...helpsOf(agentProgramOf()),
  ];

  assertEquals(
    helps.flatMap((help) => help.split("\n"))
      .filter((line) => line.length > 80 || line !== line.trimEnd()),
    [],
  );
  assert(helps.length >= 33, `only ${helps.length} were found`);
});

Deno.test("help says once of a flag that it may be repeated", () => {
  const tables = ourTables();
  const repeated = tables.flatMap(([words, { flags }]) =>
    Object.entries(flags).filter(([, { type }]) => type === "repeated")
      .map(([name, { summary }]) => `${words} --${name}: ${summary}`)
  );

  assertEquals(repeated.filter((line) => /repeat/.test(line)), []);
  assert(repeated.length >= 10, `only ${repeated.length} were found`);
});

Deno.test("help wraps a long meaning under its column, and moves it below a long term", () => {
  const help = subcommandHelp(programOf(new FakeManager()), ["list"], {
    name: "list",
    summary: "list things",
    positionals: {},
    flags: {
      colour: {
        type: "string",
        value: "NAME",
        summary: "word ".repeat(14).trim(),
      },
      state: {
        type: "choice",
        choices: ["queued", "running", "succeeded", "failed"],
        summary: "only things in this state",
      },
    },
    examples: [],
  });

  assertEquals(
    help.split("\n").slice(4, 9),
    [
      "Flags:",
      "  --colour NAME  word word word word word word word word word word word word",
      "                 word word",
      "  --state queued|running|succeeded|failed",
      "                 only things in this state",
    ],
  );
});

/** Subcommands that people call, with the words that lead to them. */
function tablesOf<Services>(
  { name, subcommands }: Program<Services>,
): [string, SubcommandTable][] {
  return subcommands.flatMap((entry): [string, SubcommandTable][] =>
    "subcommands" in entry
      ? entry.subcommands.map((table) => [
        `${name} ${entry.name} ${table.name}`,
        table,
      ])
      : [[`${name} ${entry.name}`, entry]]
  ).filter(([, { isInternal }]) => isInternal !== true);
}

/** The same of both programs. */
function ourTables(): [string, SubcommandTable][] {
  return [
    ...tablesOf(programOf(new FakeManager())),
    ...tablesOf(agentProgramOf()),
  ];
}

Deno.test("every subcommand of both programs has an example in its help", () => {
  const tables = ourTables();

  assertEquals(
    tables.filter(([, { examples }]) => examples.length === 0)
      .map(([name]) => name),
    [],
  );
  assert(tables.length > 20, `only ${tables.length} were found`);
});

Deno.test("help shows a topic, a subcommand, and one of a group", async () => {
  const headlines: (string | undefined)[] = [];
  for (
    const words of [[], ["targets"], ["exit-codes"], ["run"], ["agent", "add"]]
  ) {
    const { code, stdout } = await see(["help", ...words]);
    headlines.push(`${code} ${stdout.split("\n")[0]}`);
  }

  assertEquals(headlines, [
    "0 piri-manager: runs commands on many hosts and tells how they went",
    "0 targets: expressions that choose agents",
    "0 exit-codes: the numbers that scripts may depend on",
    "0 piri-manager run: run a program or operation on agents and show its output",
    "0 piri-manager agent add: add an agent and print its join token",
  ]);
});

Deno.test("help of what there is not names the nearest, or all topics", async () => {
  const near = await see(["help", "target"]);
  const far = await see(["help", "zzzzzz"]);
  const inGroup = await see(["help", "agent", "zzzzzz"]);

  assertEquals([near.code, far.code, inGroup.code], [5, 5, 5]);
  assertEquals(
    near.stderr,
    'error: Cannot show the help of "target": there is no such topic or subcommand\n' +
      'hint: did you mean "piri-manager help targets"?\n',
  );
  assertEquals(
    far.stderr.split("\n")[1],
    'hint: topics are targets, jobs, output, json, exit-codes; "piri-manager --help" lists the subcommands',
  );
});
