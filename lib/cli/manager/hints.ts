import { closestString } from "@std/text/closest-string";
import { codeOf, messageOf } from "../../base/errors.ts";
import { HintedError } from "../errors.ts";
import type { ParsedRun } from "./parse_run.ts";
import type { Control } from "./services.ts";

/** Waits for an answer. A NOT_FOUND gets the nearest real name of an agent or operation as its hint. */
export async function withHint<T>(
  answer: Promise<T>,
  { parsed, connect }: { parsed: ParsedRun; connect: () => Promise<Control> },
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (codeOf(error) !== "NOT_FOUND") throw error;
    using control = await connect();
    const nearest = await nearestName(parsed, control);
    if (nearest === undefined) throw error;
    throw new HintedError(
      "NOT_FOUND",
      messageOf(error),
      `did you mean ${nearest}?`,
      { cause: error },
    );
  }
}

/** Nearest real names to the unknown ones: of the operation, else of the agents. */
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
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0 || known.length === 0) return undefined;
  const nearest = unknown.map((name) => closestString(name, known));
  return [...new Set(nearest)].map((name) => `"${name}"`).join(", ");
}
