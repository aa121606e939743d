import { closestString } from "@std/text/closest-string";
import { codeOf, messageOf } from "../../base/errors.ts";
import { HintedError } from "../errors.ts";
import type { Order } from "./run_request.ts";
import type { Control } from "./services.ts";

/** Waits for an answer to an order; an error that something has no such name gets the nearest real name as a hint. */
export async function withHint<T>(
  answer: Promise<T>,
  { order, connect }: { order: Order; connect: () => Promise<Control> },
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (codeOf(error) !== "NOT_FOUND") throw error;
    using control = await connect();
    const nearest = await nearestName(order, control);
    if (nearest === undefined) throw error;
    throw new HintedError(
      "NOT_FOUND",
      messageOf(error),
      `did you mean "${nearest}"?`,
      { cause: error },
    );
  }
}

/** The name that was probably meant instead of the first one in the order that nobody knows. */
async function nearestName(
  { operation, agents }: Order,
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
  return unknown === undefined || known.length === 0
    ? undefined
    : closestString(unknown, known);
}
