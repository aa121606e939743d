import { codeOf, messageOf } from "../../base/errors.ts";
import { nearest } from "../../base/nearest.ts";
import { HintedError } from "../errors.ts";
import type { ParsedRun } from "./parse_run.ts";
import type { Control } from "./services.ts";

/** Waits for an answer. A NOT_FOUND gets the nearest real name of an agent or operation as its hint, if one is close. */
export async function withHint<T>(
  answer: Promise<T>,
  { parsed, connect }: { parsed: ParsedRun; connect: () => Promise<Control> },
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (codeOf(error) !== "NOT_FOUND") throw error;
    using control = await connect();
    const meant = await nearestName(parsed, control);
    if (meant === undefined) throw error;
    throw new HintedError(
      "NOT_FOUND",
      messageOf(error),
      `did you mean "${meant}"?`,
      { cause: error },
    );
  }
}

/** Nearest real name to the first unknown one: of the operation, else of the agents. */
async function nearestName(
  { operation, agents }: ParsedRun,
  control: Control,
): Promise<string | undefined> {
  const { operations } = await control.commands.listOperations({});
  const { agents: known } = await control.agents.listAgents({});
  return nearestOf([operation], operations.map(({ name }) => name)) ??
    nearestOf(
      agents.filter((agent) => !GLOB.test(agent)),
      known.map(({ id }) => id),
    );
}

const GLOB = /[*?[\]{}]/;

function nearestOf(
  names: readonly string[],
  known: readonly string[],
): string | undefined {
  const unknown = names.find((name) => !known.includes(name));
  return unknown === undefined ? undefined : nearest(unknown, known);
}
