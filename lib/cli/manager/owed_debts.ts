import type {
  Command,
  StepPlace as PlaceMessage,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import * as v from "valibot";
import { placeText, type StepPlace } from "../../steps/step_places.ts";
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
  /** Place of the step in the files of states, as they were when it was applied last; undefined if that is not known. */
  readonly place: StepPlace | undefined;
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
    place: undefined,
  }));
}

/** Debts of a command with the places of their steps. */
export function withPlaces(
  debts: readonly Debt[],
  places: readonly PlaceMessage[],
): readonly Debt[] {
  return debts.map((debt) => ({
    ...debt,
    place: places.find(({ step, stateName }) =>
      step === debt.step && stateName === debt.state
    ),
  }));
}

/** A debt as JSON. */
export function debtJson(
  { agent, state, step, cause, since, place }: Debt,
): Record<string, unknown> {
  return {
    agent,
    stateName: state,
    step,
    cause,
    since: time(BigInt(since)),
    place: place === undefined ? null : { file: place.file, line: place.line },
  };
}

/** Reason of a debt for people. */
export function whyText({ cause }: Debt): string {
  return `"${cause}" changed`;
}

/** Place of the step of a debt for people. */
export function debtPlaceText({ place }: Debt): string {
  return place === undefined ? "" : placeText(place);
}
