import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import { nearest } from "../../base/nearest.ts";
import { isReservedName } from "../../targets/reserved_names.ts";
import { HintedError } from "../errors.ts";
import type { ParsedRun } from "./parse_run.ts";
import type { Control } from "./services.ts";

/** Parameters that people give to an operation and are flags of `run`. */
const FLAGS_OF_RUN = ["timeout", "detach", "on-disconnect"];

/** Way on for an operation that no agent knows. */
const OF_STATES =
  "piri-manager operations lists those of agents; a custom one is a step of a state, which piri-manager plan and apply run";

/** Waits for an answer to a `run`. What the Manager does not know gets the nearest real name or flag as its hint. */
export async function withHint<T>(
  answer: Promise<T>,
  { parsed, connect }: { parsed: ParsedRun; connect: () => Promise<Control> },
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const code = codeOf(error);
    const flag = FLAGS_OF_RUN.find((name) => name in parsed.params);
    if (code === "INVALID_ARGUMENT" && flag !== undefined) {
      throw hinted(error, `did you mean --${flag}?`);
    }
    if (code !== "NOT_FOUND") throw error;
    using control = await connect();
    const names = await nearestNames(parsed, control);
    if (names !== undefined) throw hinted(error, `did you mean ${names}?`);
    const { operations } = await control.commands.listOperations({});
    const isKnown = operations.some(({ name }) => name === parsed.operation);
    throw isKnown ? error : hinted(error, OF_STATES);
  }
}

/** Waits for an answer about one agent. If there is no such agent, the nearest name becomes the hint. */
export async function withAgentHint<T>(
  answer: Promise<T>,
  agent: string,
  control: Control,
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (codeOf(error) !== "NOT_FOUND") throw error;
    const name = await nearestAgent(agent, control);
    throw name === undefined ? error : hinted(error, `did you mean "${name}"?`);
  }
}

/**
 * Requires that there is an agent of this name.
 *
 * @throws {PiriError} NOT_FOUND
 */
export async function requireAgent(
  agent: string,
  attempt: string,
  control: Control,
): Promise<void> {
  const { agents } = await control.agents.listAgents({});
  if (agents.some(({ id }) => id === agent)) return;
  const fact = isPattern(agent)
    ? "it is a pattern, and this takes one name"
    : "there is no agent of that name";
  await withAgentHint(
    Promise.reject(
      new PiriError("NOT_FOUND", `Cannot ${attempt} "${agent}": ${fact}`),
    ),
    agent,
    control,
  );
}

/**
 * Requires an agent that a list is asked of, and that is not in it: one that there is, or that there was when something
 * was recorded.
 *
 * @param hasRecords Tells if there is anything recorded of the agent, whatever else is asked for.
 * @throws {PiriError} NOT_FOUND
 */
export async function requireListed(
  agent: string,
  attempt: string,
  { control, hasRecords }: {
    readonly control: Control;
    readonly hasRecords: () => Promise<boolean>;
  },
): Promise<void> {
  try {
    await requireAgent(agent, attempt, control);
  } catch (error) {
    if (codeOf(error) !== "NOT_FOUND" || !await hasRecords()) throw error;
  }
}

/** True if the words are the name of one agent, and no other target expression. */
export function namesOne(expressions: readonly string[]): boolean {
  const [name = "", ...others] = expressions;
  return others.length === 0 && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) &&
    !isReservedName(name);
}

function hinted(error: unknown, hint: string): HintedError {
  return new HintedError(codeOf(error), messageOf(error), hint, {
    cause: error,
  });
}

async function nearestAgent(
  agent: string,
  control: Control,
): Promise<string | undefined> {
  const { agents } = await control.agents.listAgents({});
  return nearest(agent, agents.map(({ id }) => id));
}

/** Nearest real names to the unknown ones: of the operation, else of the agents. */
async function nearestNames(
  { operation, agents }: ParsedRun,
  control: Control,
): Promise<string | undefined> {
  const { operations } = await control.commands.listOperations({});
  const { agents: known } = await control.agents.listAgents({});
  return nearestOf([operation], operations.map(({ name }) => name)) ??
    nearestOf(
      agents.filter((agent) => !isPattern(agent)),
      known.map(({ id }) => id),
    );
}

/** True if a word stands for the agents that it matches, and not for one of that name. */
export function isPattern(word: string): boolean {
  return /[*?[\]{}]/.test(word);
}

function nearestOf(
  names: readonly string[],
  known: readonly string[],
): string | undefined {
  const near = names.filter((name) => !known.includes(name))
    .flatMap((name) => nearest(name, known) ?? []);
  return near.length === 0
    ? undefined
    : [...new Set(near)].map((name) => `"${name}"`).join(", ");
}
