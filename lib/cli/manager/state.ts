import type { CompiledState } from "../../states/compiled_state.ts";
import type { SheetStep } from "../../steps/sheet.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { defineSubcommand, type Group } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import type { ManagerServices } from "./services.ts";
import { stateCheck } from "./state_check.ts";
import { problemJson } from "./state_json.ts";
import { paramsText } from "./state_text.ts";

const show = defineSubcommand({
  name: "show",
  summary: "show the steps of an agent's state in their final order",
  positionals: {
    state: {
      type: "one",
      summary: "name of the state; leave it out for the agent's whole state",
    },
    agent: { type: "optional", summary: "name of the agent" },
  },
  flags: {},
  examples: ["web-1", "base/time web-1", "base/time web-1 --json"],
  async execute(
    { positionals, stateDir, json, output, terminal },
    services: ManagerServices,
  ) {
    const [state, agent] = positionals.agent === undefined
      ? ["", positionals.state]
      : [positionals.state, positionals.agent];
    const desk = await services.states(stateDir);
    const compiled = await desk.compile(state, agent);
    if (compiled.files.length === 0) {
      const known = (await desk.names()).filter((name) => name !== "");
      throw new HintedError(
        "NOT_FOUND",
        state === ""
          ? `Cannot show the state of "${agent}": it has none`
          : `Cannot show the state "${state}": "${agent}" has no state of this name`,
        known.length === 0
          ? `a first one would be in states/all${
            state === "" ? "" : `/${state}`
          }.yaml of the Manager's folder`
          : `piri-manager state list shows all; named ones are ${
            known.join(", ")
          }`,
      );
    }
    const { sheet, sha256 } = compiled;
    if (sheet === undefined) {
      if (json) await output.value(failedJson(agent, state, compiled));
      for (const problem of compiled.problems) {
        if (!json) await terminal.stderr.write(`${desk.format(problem)}\n`);
      }
      return ExitCode.failed;
    }
    if (json) {
      await output.value({
        agent,
        state,
        sha256,
        steps: sheet.steps.map((step, index) => ({
          ...step,
          place: compiled.places[index]?.place,
          chain: compiled.places[index]?.chain,
        })),
        leftOut: compiled.leftOut.map(({ name, place }) => ({ name, place })),
      });
      return ExitCode.ok;
    }
    for (const [index, step] of sheet.steps.entries()) {
      for (const line of linesOf(step, index, compiled)) {
        await output.line(line);
      }
    }
    for (const { name, place } of compiled.leftOut) {
      await output.line(
        `left out: ${name}  (${place.file}:${place.line})`,
      );
    }
    await output.note(
      `${agent}: ${countOf(sheet.steps.length, "step")}, sheet ${
        sha256.slice(0, 12)
      }`,
    );
    return ExitCode.ok;
  },
});

const list = defineSubcommand({
  name: "list",
  summary: "list the states, and the agents that have them",
  positionals: {},
  flags: {},
  examples: ["", "--json"],
  async execute({ stateDir, output }, services: ManagerServices) {
    const desk = await services.states(stateDir);
    const rows: { state: string; agents: string[]; files: string[] }[] = [];
    for (const state of await desk.names()) {
      const agents: string[] = [];
      const files = new Set<string>();
      for (const { id } of desk.agents) {
        const compiled = await desk.compile(state, id);
        if (compiled.files.length > 0) agents.push(id);
        for (const file of compiled.files) files.add(file);
      }
      rows.push({ state, agents, files: [...files] });
    }
    await output.list(rows, {
      json: (row) => row,
      columns: {
        STATE: ({ state }) => state === "" ? "(whole)" : state,
        AGENTS: ({ agents }) =>
          agents.length === 0 ? "none" : foldNames(agents),
        FILES: ({ files }) => files.join(" "),
      },
    });
    return ExitCode.ok;
  },
});

const schema = defineSubcommand({
  name: "schema",
  summary: "print a JSON Schema of states, for editors",
  positionals: {},
  flags: {},
  examples: ["> states.schema.json"],
  async execute({ json, output, stateDir }, services: ManagerServices) {
    const { schema, broken } = await services.stateSchema(stateDir);
    if (json) await output.value(schema);
    else await output.line(JSON.stringify(schema, null, 2));
    for (const path of broken) {
      await output.note(
        `${path} has mistakes, so its operations are left out; piri-manager state check shows them`,
      );
    }
    return ExitCode.ok;
  },
});

/** The group `state`: files that say what hosts should be like. */
export const state: Group<ManagerServices> = {
  name: "state",
  summary: "check and show the states of agents",
  subcommands: [stateCheck, show, list, schema],
  synonyms: {
    lint: "piri-manager state check",
    test: "piri-manager state check",
    validate: "piri-manager state check",
    compile: "piri-manager state show",
  },
};

function failedJson(agent: string, state: string, compiled: CompiledState) {
  return { agent, state, problems: compiled.problems.map(problemJson) };
}

function* linesOf(
  step: SheetStep,
  index: number,
  { places, sheet }: CompiledState,
): Generator<string> {
  const { file, line } = places[index]?.place ?? { file: "", line: 0 };
  const nameOf = (at: number) => sheet?.steps[at]?.name ?? String(at);
  yield `${index + 1}. ${step.name}: ${step.operation}  (${file}:${line})`;
  for (const text of paramsText(step, nameOf)) yield `     ${text}`;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
