import { encodeHex } from "@std/encoding/hex";
import { canonicalHash } from "../base/statement.ts";
import { Turns } from "../base/turns.ts";
import type { StepDescription } from "../steps/step_operation.ts";
import type { CompiledAgent, CompilerOptions } from "./compile_input.ts";
import { type CompileParts, compileState } from "./compile_state.ts";
import type { CompiledState } from "./compiled_state.ts";
import { type CustomModule, CustomModules } from "./custom/custom_modules.ts";
import { ContentFiles } from "./content_files.ts";
import { Expressions } from "./expressions.ts";
import { FactReads } from "./fact_drop.ts";
import { Interpolation } from "./interpolate.ts";
import { formatPlace } from "./place.ts";
import type { Problem } from "./problems.ts";
import { RecordedReader, type Records } from "./recorded_reader.ts";
import { StateFiles, stateNames } from "./state_files.ts";
import type { StateReader } from "./state_reader.ts";

/** Compilations that are kept for agents with the same groups, data and secrets. */
const MAX_KEPT = 16;

/** Groups of such agents that are kept. */
const MAX_KINDS = 256;

/** Compilation with all that it depends on. */
interface Kept {
  readonly result: CompiledState;
  readonly facts: ReadonlyMap<string, string>;
  /** Name of the agent, if it depends on it. */
  readonly agent: string | undefined;
  readonly files: Records;
}

/**
 * Compiles states for agents. Equal agents share one compilation: what it asked for is asked again, and only another
 * answer makes another compilation.
 */
export class Compiler {
  readonly #reader: StateReader;
  readonly #operations: ReadonlyMap<string, StepDescription>;
  readonly #expressions = new Expressions();
  readonly #states: StateFiles;
  readonly #recorded: RecordedReader;
  readonly #files: ContentFiles;
  readonly #modules: CustomModules;
  readonly #kept = new Map<string, Kept[]>();
  /** One compilation at a time: they share the list of files that were asked for. */
  readonly #turns = new Turns();

  constructor({ reader, operations }: CompilerOptions) {
    this.#reader = reader;
    this.#recorded = new RecordedReader(reader);
    this.#operations = new Map(operations.map((each) => [each.name, each]));
    this.#states = new StateFiles(this.#recorded);
    this.#files = new ContentFiles(this.#recorded, this.#expressions);
    this.#modules = new CustomModules(this.#recorded);
  }

  /** All modules of custom operations, of all layers, with what is wrong with them. */
  modules(): Promise<readonly CustomModule[]> {
    return this.#turns.run(() => this.#modules.all());
  }

  /** Names of all states, sorted; the state without a name, the empty text, is the agent's whole state. */
  async names(): Promise<readonly string[]> {
    return stateNames(await this.#reader.list());
  }

  /**
   * Compiles a state for an agent.
   *
   * @throws {PiriError} if a file cannot be read
   */
  compile(state: string, agent: CompiledAgent): Promise<CompiledState> {
    return this.#turns.run(() => this.#compile(state, agent));
  }

  async #compile(
    state: string,
    agent: CompiledAgent,
  ): Promise<CompiledState> {
    const key = keyOf(state, agent);
    const kept = this.#kept.get(key) ?? [];
    for (const each of kept) {
      if (await this.#isStill(each, agent)) return each.result;
    }
    const facts = new FactReads(agent.facts ?? {});
    let usesAgent = false;
    const files = this.#recorded.start();
    const result = await compileState(state, {
      agent,
      facts,
      onAgentRead: () => usesAgent = true,
      parts: this.#parts(),
    });
    const own = [`states/agents/${agent.id}`, `operations/agents/${agent.id}/`];
    const hasOwn = files.some(({ path, stamp }) =>
      stamp !== undefined && own.some((each) => path.startsWith(each))
    );
    this.#keep(key, {
      result,
      facts: facts.read,
      agent: usesAgent || hasOwn ? agent.id : undefined,
      files,
    });
    return result;
  }

  /** Text of an error or a warning: its place, its chain and the line, which is never shown from secrets. */
  format({ place, message, chain }: Problem): string {
    const lines = [`${formatPlace(place)}: ${message}`];
    for (const link of chain.toReversed()) lines.push(`  in ${link}`);
    const { file, line, column } = place;
    const quoted = file.startsWith("secrets/")
      ? undefined
      : this.#states.lineOf(file, line) ?? this.#files.lineOf(file, line) ??
        this.#modules.lineOf(file, line);
    if (quoted !== undefined && quoted.trim() !== "") {
      const number = String(line);
      lines.push(
        `  ${number} | ${quoted}`,
        `  ${" ".repeat(number.length)} | ${" ".repeat(column - 1)}^`,
      );
    }
    return lines.join("\n");
  }

  #parts(): CompileParts {
    return {
      states: this.#states,
      names: () => this.names(),
      operations: this.#operations,
      interpolation: new Interpolation(this.#expressions),
      files: this.#files,
      modules: this.#modules,
    };
  }

  async #isStill(
    { agent, facts, files }: Kept,
    wanted: CompiledAgent,
  ): Promise<boolean> {
    if (agent !== undefined && agent !== wanted.id) return false;
    if (!FactReads.agree(wanted.facts ?? {}, facts)) return false;
    for (const file of files) {
      if (await file.stampFor(wanted) !== file.stamp) return false;
    }
    return true;
  }

  #keep(key: string, kept: Kept): void {
    const others = (this.#kept.get(key) ?? []).slice(0, MAX_KEPT - 1);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MAX_KINDS && oldest !== undefined) {
      this.#kept.delete(oldest);
    }
    this.#kept.set(key, [kept, ...others]);
  }
}

/** Text that is equal for agents that differ in no more than their names and facts. */
function keyOf(
  state: string,
  { groups, data, secrets, facts }: CompiledAgent,
): string {
  const kind = [state, groups, data, [...secrets], facts === undefined];
  return encodeHex(canonicalHash(kind));
}
