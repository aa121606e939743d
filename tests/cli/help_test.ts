import { assertEquals } from "@std/assert";
import { agentProgram } from "../../lib/cli/agent/program.ts";
import type { AgentServices } from "../../lib/cli/agent/services.ts";
import type { Program } from "../../lib/cli/command.ts";
import { groupHelp, programHelp, subcommandHelp } from "../../lib/cli/help.ts";
import { FakeManager } from "./fake_manager.ts";
import { BUILD, programOf } from "./manager/start.ts";

const NO_SERVICES: AgentServices = {
  join: () => Promise.reject(new Error("unused")),
  run: () => Promise.reject(new Error("unused")),
  commands: () => Promise.reject(new Error("unused")),
  check: () => {
    throw new Error("unused");
  },
};

/** Every help text of a program. */
function helpsOf<Services>(program: Program<Services>): string[] {
  return [
    programHelp(program),
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
  const agent = agentProgram({
    build: BUILD,
    defaultDir: () => "/var/lib/piri-agent",
    services: NO_SERVICES,
  });
  const helps = [...helpsOf(programOf(new FakeManager())), ...helpsOf(agent)];

  assertEquals(
    helps.flatMap((help) => help.split("\n"))
      .filter((line) => line.length > 80 || line !== line.trimEnd()),
    [],
  );
  assertEquals(helps.length, 34);
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
