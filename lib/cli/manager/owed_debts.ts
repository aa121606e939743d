import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import * as v from "valibot";
import { time } from "./json_values.ts";

const Owed = v.object({
  state: v.string(),
  listener: v.string(),
  cause: v.string(),
  since: v.number(),
});

const Told = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    owed: v.optional(v.array(Owed), []),
    forgiven: v.optional(v.array(Owed), []),
  }),
);

/** Reaction that is owed on an agent. */
export interface Debt {
  readonly agent: string;
  /** Name of the state; empty for the whole state of the agent. */
  readonly state: string;
  readonly step: string;
  /** Step whose change it reacts to. */
  readonly cause: string;
  /** Time of that change, in milliseconds since 1970. */
  readonly since: number;
}

/** Debts that a command has told. None if it told none, as one that failed. */
export function debtsOf(
  { agent, data }: Command,
  list: "owed" | "forgiven",
): readonly Debt[] {
  const told = v.safeParse(Told, data);
  if (!told.success) return [];
  return told.output[list].map(({ listener, ...debt }) => ({
    agent,
    step: listener,
    ...debt,
  }));
}

/** A debt as JSON. */
export function debtJson(
  { agent, state, step, cause, since }: Debt,
): Record<string, unknown> {
  return { agent, stateName: state, step, cause, since: time(BigInt(since)) };
}

/** Reason of a debt for people. */
export function whyText({ cause }: Debt): string {
  return `"${cause}" changed`;
}
