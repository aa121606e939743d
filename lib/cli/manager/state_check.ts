import type { CustomModule } from "../../states/custom/custom_modules.ts";
import { didYouMean } from "../../base/nearest.ts";
import type { AbsentFact, CompiledState } from "../../states/compiled_state.ts";
import type { Problem } from "../../states/problems.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type TypedInvocation } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { ManagerServices, StateDesk, StateDeskAgent } from "./services.ts";
import { problemJson } from "./state_json.ts";
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
    const report = new Report(desk);
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
  const { sheet, sha256, problems, warnings, leftOut, asksFacts } = compiled;
  return {
    agent: agent.id,
    state,
    sha256: sheet === undefined ? null : sha256,
    steps: sheet?.steps.length ?? null,
    leftOut: leftOut.map(({ name }) => name),
    lacksFacts: agent.facts === undefined && asksFacts,
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

/** Errors and warnings, each one once, with the agents that have it. */
class Report {
  readonly #desk: StateDesk;
  readonly #errors = new Map<string, Set<string>>();
  readonly #warnings = new Map<string, Set<string>>();
  /** Mistakes of modules that no state uses. */
  readonly #modules = new Set<string>();
  readonly #states = new Set<string>();
  readonly #agents = new Set<string>();
  readonly #withoutFacts = new Set<string>();

  constructor(desk: StateDesk) {
    this.#desk = desk;
  }

  get hasErrors(): boolean {
    return this.#errors.size + this.#modules.size > 0;
  }

  add(agent: StateDeskAgent, state: string, compiled: CompiledState): void {
    this.#states.add(state);
    this.#agents.add(agent.id);
    const lacksFacts = agent.facts === undefined && compiled.asksFacts;
    if (lacksFacts) this.#withoutFacts.add(agent.id);
    // Without facts, an expression on them has no value: that is no error of the state.
    const problems = lacksFacts
      ? compiled.problems.filter(({ message }) => !/"facts\b/.test(message))
      : compiled.problems;
    this.#note(this.#errors, problems, agent.id);
    this.#note(this.#warnings, compiled.warnings, agent.id);
  }

  /** Adds the mistakes of a module. One that states use is there already, with the agents that have them. */
  addModule({ problems }: CustomModule): void {
    for (const problem of problems) {
      const text = this.#desk.format(problem);
      const [first = ""] = text.split("\n");
      const known = [...this.#errors.keys()];
      if (known.some((each) => each.startsWith(`${first}\n`))) continue;
      this.#modules.add(text);
    }
  }

  async print({ output, terminal }: Invoked): Promise<void> {
    const total = this.#agents.size;
    const print = async (all: Map<string, Set<string>>, prefix: string) => {
      for (const [text, agents] of all) {
        const who = agents.size === total && total > 1
          ? "all agents"
          : foldNames([...agents]);
        await terminal.stdout.write(`${prefix}${text}\n  for ${who}\n`);
      }
    };
    await print(this.#errors, "");
    for (const text of this.#modules) {
      await terminal.stdout.write(`${text}\n  in no state of these agents\n`);
    }
    await print(this.#warnings, "warning: ");
    if (this.#withoutFacts.size > 0) {
      await output.note(
        `${
          foldNames([...this.#withoutFacts])
        }: no facts yet, so conditions on facts are false and expressions on them are not checked; an agent tells them when it connects`,
      );
    }
    if (total === 0) {
      await output.note(
        this.#desk.agents.length === 0
          ? "nothing is checked: no agents are enrolled; piri-manager agent add makes one"
          : "nothing is checked: these agents have no states; a first one is states/all.yaml",
      );
      return;
    }
    await output.line(
      `${count(total, "agent")}, ${count(this.#states.size, "state")}: ${
        count(this.#errors.size + this.#modules.size, "error")
      }, ${count(this.#warnings.size, "warning")}`,
    );
  }

  #note(
    all: Map<string, Set<string>>,
    problems: readonly Problem[],
    agent: string,
  ): void {
    for (const problem of problems) {
      const text = this.#desk.format(problem);
      all.set(text, (all.get(text) ?? new Set()).add(agent));
    }
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
