import type { CustomModule } from "../../states/custom/custom_modules.ts";
import { didYouMean } from "../../base/nearest.ts";
import type { AbsentFact, CompiledState } from "../../states/compiled_state.ts";
import type { Problem } from "../../states/problems.ts";
import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type TypedInvocation } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { ManagerServices, StateDesk, StateDeskAgent } from "./services.ts";
import { problemJson } from "./state_json.ts";
import { StateReport } from "./state_report.ts";
import { TARGET_HELP } from "./target_flags.ts";

const positionals = {
  target: {
    type: "any",
    summary: "target expressions of the agents; all agents if there is none",
  },
} as const;

/** `state check` compiles all states for all agents, contacts none of them, and prints all errors. */
export const stateCheck = defineSubcommand({
  name: "check",
  summary: "compile the states of agents, and print all errors",
  positionals,
  flags: {},
  examples: ["", "'web-*'", "--json"],
  more: [TARGET_HELP],
  async execute(
    invocation: TypedInvocation<Record<never, never>, typeof positionals>,
    services: ManagerServices,
  ) {
    const { stateDir, json, output } = invocation;
    const desk = await services.states(stateDir);
    const agents = await agentsOf(desk, invocation);
    const names = await desk.names();
    const report = new StateReport(desk);
    const known = factsOf(desk.agents);
    for (const agent of agents) {
      for (const [state, compiled] of await compileAll(desk, agent, names)) {
        const warnings = [
          ...compiled.warnings,
          ...factWarnings(compiled.absentFacts, known),
        ];
        const checked = { ...compiled, warnings };
        if (json) await output.value(jsonOf(agent, state, checked));
        report.add(agent, state, checked);
      }
    }
    for (const module of await desk.modules()) {
      if (json) await output.value(moduleJson(module));
      report.addModule(module);
    }
    if (!json) await report.print(invocation);
    return report.hasErrors ? ExitCode.failed : ExitCode.ok;
  },
});

/** Names of the facts of all agents. */
function factsOf(agents: readonly StateDeskAgent[]): ReadonlySet<string> {
  return new Set(agents.flatMap(({ facts = {} }) => Object.keys(facts)));
}

/** Warnings about facts in conditions that no agent has: such a condition is false everywhere, perhaps by a typo. */
function factWarnings(
  absent: readonly AbsentFact[],
  known: ReadonlySet<string>,
): readonly Problem[] {
  // No agent has told its facts yet.
  if (known.size === 0) return [];
  return absent.filter(({ name }) => !known.has(name)).map((
    { name, place },
  ) => ({
    place,
    message:
      `no agent has the fact "${name}", so "fact ${name}" is never true: ${
        didYouMean(name, [...known], "piri-manager facts AGENT lists them")
      }`,
    chain: [],
  }));
}

type Invoked = TypedInvocation<Record<never, never>, typeof positionals>;

async function agentsOf(
  { agents }: StateDesk,
  { positionals, expandTargets }: Invoked,
): Promise<readonly StateDeskAgent[]> {
  if (positionals.target.length === 0) return agents;
  const { parseTargets } = await import("../../targets/parse_targets.ts");
  const { resolveTargets } = await import("../../targets/resolve_targets.ts");
  const { setsOf } = await import("../../targets/target_expression.ts");
  const expression = parseTargets(await expandTargets(positionals.target));
  if (setsOf(expression).length > 0) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      "Cannot check states by a job or by connections: nobody is asked; name agents, groups or facts",
    );
  }
  const { names } = resolveTargets(expression, {
    agents: agents.map(({ id, groups, facts = {} }) => ({
      name: id,
      groups,
      facts,
      connected: false,
    })),
    sets: () => new Set(),
  });
  return agents.filter(({ id }) => names.includes(id));
}

/** All states that an agent has. One that another state includes is compiled there, with its variables. */
async function compileAll(
  desk: StateDesk,
  { id }: StateDeskAgent,
  names: readonly string[],
): Promise<ReadonlyMap<string, CompiledState>> {
  const all = new Map<string, CompiledState>();
  for (const name of names) {
    const compiled = await desk.compile(name, id);
    if (compiled.files.length > 0) all.set(name, compiled);
  }
  const included = new Set(
    [...all.values()].flatMap(({ includes }) => includes),
  );
  return new Map([...all].filter(([name]) => !included.has(name)));
}

function jsonOf(agent: StateDeskAgent, state: string, compiled: CompiledState) {
  const { sheet, sha256, problems, warnings, leftOut, factsAsked } = compiled;
  return {
    agent: agent.id,
    state,
    sha256: sheet === undefined ? null : sha256,
    steps: sheet?.steps.length ?? null,
    leftOut: leftOut.map(({ name }) => name),
    lacksFacts: agent.facts === undefined && factsAsked.length > 0,
    problems: problems.map(problemJson),
    warnings: warnings.map(problemJson),
  };
}

function moduleJson({ name, path, operations, problems }: CustomModule) {
  return {
    module: name,
    path,
    operations: operations.map((each) => `${name}.${each.name}`),
    problems: problems.map(problemJson),
  };
}
