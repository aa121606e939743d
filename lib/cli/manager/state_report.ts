import type { CompiledState } from "../../states/compiled_state.ts";
import type { CustomModule } from "../../states/custom/custom_modules.ts";
import type { Problem } from "../../states/problems.ts";
import { foldNames } from "../../targets/fold_names.ts";
import type { Invocation } from "../command.ts";
import type { StateDesk, StateDeskAgent } from "./services.ts";

/** Errors and warnings, each one once, with the agents that have it. */
export class StateReport {
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
    const lacksFacts = agent.facts === undefined &&
      compiled.factsAsked.length > 0;
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

  async print(
    { output, terminal }: Pick<Invocation, "output" | "terminal">,
  ): Promise<void> {
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
