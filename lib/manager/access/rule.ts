import { PiriError } from "../../base/errors.ts";
import { isWithin, parseWithin, type Within } from "../../base/within.ts";
import type { NewRule, RuleRecord } from "../../store/operator_records.ts";
import type { TargetAgent } from "../../targets/agent_index.ts";
import { type AgentTest, agentTest } from "../../targets/agent_test.ts";
import { Glob } from "../../targets/glob.ts";
import { parseTargets } from "../../targets/parse_targets.ts";
import { setsOf } from "../../targets/target_expression.ts";
import type { AskedWork } from "../api/access_api.ts";
import { programWords, RUN, runsLines } from "./program_words.ts";

/** Most approvals that a rule can ask for. */
export const MAX_APPROVALS = 5;

/** Last word of a rule's arguments that allows more of them. */
export const MORE = "...";

const MINUTE_MS = 60_000;

/** Rule that is ready to be applied. */
export class Rule {
  readonly record: RuleRecord;
  readonly #operations: readonly Glob[];
  readonly #argv: readonly Glob[];
  readonly #takesMore: boolean;
  readonly #on: AgentTest;
  readonly #within: Within | undefined;
  /** Minute since 1970 that was asked about last, and the answer. */
  #minute = NaN;
  #counts = false;

  /** @throws {PiriError} INVALID_ARGUMENT for a bad expression, operation or bound */
  constructor(record: RuleRecord) {
    checkRule(record);
    this.record = record;
    this.#operations = record.operations.map((name) => new Glob(name));
    this.#takesMore = record.argv.at(-1) === MORE;
    const words = this.#takesMore ? record.argv.slice(0, -1) : record.argv;
    this.#argv = words.map((word) => new Glob(word));
    this.#on = agentTest(parseTargets([record.onTargets]));
    this.#within = record.within === ""
      ? undefined
      : parseWithin(record.within);
  }

  /** Name for people. */
  get name(): string {
    return `${this.record.operator}#${this.record.number}`;
  }

  /** True if it is about this work, on whatever agents. */
  isAbout(work: AskedWork): boolean {
    const { deny, argv } = this.record;
    // A line of a shell can run whatever command.Run is denied to run.
    if (deny && this.#names(RUN) && runsLines(work)) return true;
    if (!this.#names(work.operation)) return false;
    if (argv.length === 0) return true;
    return deny ? this.#mayRun(work.params) : this.#isBound(work.params);
  }

  /** True if one of its operations is this. */
  #names(operation: string): boolean {
    return this.#operations.some((glob) => glob.matches(operation));
  }

  /** True if it counts at a time, in milliseconds since 1970. */
  countsAt(time: number): boolean {
    if (this.#within === undefined) return true;
    // To ask a time zone takes longer than all else, and its answer holds for a minute.
    const minute = Math.floor(time / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#counts = isWithin(this.#within, time);
      this.#minute = minute;
    }
    return this.#counts;
  }

  /** Picks those of the agents that it is about. */
  matching<T extends TargetAgent>(agents: readonly T[]): readonly T[] {
    return agents.filter(this.#on);
  }

  /** True if these are its arguments and nothing else: a variable or a folder can change what a program does. */
  #isBound(params: string): boolean {
    const { argv, ...others } = JSON.parse(params) as Record<string, unknown>;
    if (!Array.isArray(argv) || Object.keys(others).length > 0) return false;
    return this.#fits(argv.map(String));
  }

  /** True if these may be its arguments, whatever else is given: what cannot be compared may be. */
  #mayRun(params: string): boolean {
    const words = programWords(params);
    return words === undefined || this.#fits(words);
  }

  #fits(words: readonly string[]): boolean {
    const fits = this.#takesMore
      ? words.length >= this.#argv.length
      : words.length === this.#argv.length;
    return fits &&
      this.#argv.every((glob, index) => glob.matches(words[index] ?? ""));
  }
}

function checkRule(
  { deny, onTargets, operations, argv, most, approve }: NewRule,
): void {
  const refuse = (reason: string) =>
    new PiriError("INVALID_ARGUMENT", `Cannot add the rule: ${reason}`);
  if (setsOf(parseTargets([onTargets])).length > 0) {
    throw refuse("a rule lasts longer than a job, so it cannot name one");
  }
  if (operations.length === 0) throw refuse("it names no operation");
  const wrong = operations.find((name) => !/^[A-Za-z0-9_.*]+$/.test(name));
  if (wrong !== undefined) {
    throw refuse(`"${wrong}" is not the name of an operation`);
  }
  if (argv.length > 0 && operations.some((name) => name !== RUN)) {
    throw refuse(`arguments are only for ${RUN}, so it should name that alone`);
  }
  if (argv[0] === MORE) throw refuse(`"${MORE}" is not a program`);
  if (argv.slice(0, -1).includes(MORE)) {
    throw refuse(`"${MORE}" can only be the last argument`);
  }
  if (!Number.isInteger(most) || most < 0) {
    throw refuse(`${most} is not a number of agents`);
  }
  if (!Number.isInteger(approve) || approve < 0 || approve > MAX_APPROVALS) {
    throw refuse(
      `${approve} is not a number of approvals, from 1 to ${MAX_APPROVALS}`,
    );
  }
  if (deny && approve > 0) {
    throw refuse("what a rule denies, no approval allows");
  }
}
