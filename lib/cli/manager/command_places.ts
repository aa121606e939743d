import type {
  Command,
  StepPlace,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { placeText } from "../../steps/step_places.ts";
import { commandJson } from "./json.ts";
import type { RetryingClient } from "./retrying_client.ts";
import type { Control } from "./services.ts";

/** Most steps of one command that are asked for. */
const MAX_STEPS = 1_000;

/** Commands that are asked about at a time. */
const PAGE = 500;

/** Operations whose results and records name steps. */
const OPERATIONS: ReadonlySet<string> = new Set([
  "state.Plan",
  "state.Apply",
  "state.Owed",
  "state.Forgive",
]);

/** True for an operation whose results name steps. */
export function namesSteps(operation: string): boolean {
  return OPERATIONS.has(operation);
}

/** Asks a Manager something, over a connection of its own if need be. */
export type AskControl = <T>(
  ask: (control: Control) => Promise<T>,
) => Promise<T>;

/** Longest wait for the places of steps, in milliseconds. */
const PLACES_MS = 5_000;

/** Asks over a connection that is open. */
export function askOver(control: Control): AskControl {
  return (ask) => ask(control);
}

/** Asks by a client that waits for a Manager which is away, but not for long. */
export function askShortly(client: RetryingClient): AskControl {
  return (ask) =>
    client.call(ask, {
      signal: AbortSignal.timeout(PLACES_MS),
      failure: (fact) =>
        new PiriError("UNAVAILABLE", `Cannot find places of steps: ${fact}`),
    });
}

/** Finds the places of steps of a command in the files of states, by the names of the steps. */
export type FindPlaces = (
  command: Command,
  steps: readonly string[],
) => Promise<ReadonlyMap<string, string>>;

/**
 * Places of steps that commands name, by the ids of the commands. None if they cannot be told, as by an older Manager:
 * all else is still shown. Nothing is asked if no command is a run of steps.
 *
 * @param steps Full names; those that the result of each command names if empty.
 */
export async function commandPlaces(
  commands: readonly Pick<Command, "id" | "operation">[],
  ask: AskControl,
  steps: readonly string[] = [],
): Promise<ReadonlyMap<bigint, readonly StepPlace[]>> {
  const asked = commands.filter(({ operation }) => namesSteps(operation));
  const found = new Map<bigint, readonly StepPlace[]>();
  const named = steps.slice(0, MAX_STEPS);
  try {
    for (let from = 0; from < asked.length; from += PAGE) {
      const page = asked.slice(from, from + PAGE)
        .map(({ id }) => ({ commandId: id, steps: named }));
      const answer = await ask(({ plans }) =>
        plans.getStepPlaces({ commands: page })
      );
      for (const { commandId, places } of answer.commands) {
        found.set(commandId, places);
      }
    }
  } catch {
    return found;
  }
  return found;
}

/** Finder of places that asks a Manager. */
export function placesFrom(ask: AskControl): FindPlaces {
  return async (command, steps) => {
    const found = await commandPlaces([command], ask, steps);
    return placeTexts(found.get(command.id) ?? []);
  };
}

/** Places as texts, by the names of their steps. */
export function placeTexts(
  places: readonly StepPlace[],
): ReadonlyMap<string, string> {
  return new Map(places.map(({ step, ...place }) => [step, placeText(place)]));
}

/** Name of a step with its place behind it, as: Web server:Site (states/all/web.yaml:3). */
export function placedName(name: string, place: string | undefined): string {
  return place === undefined ? name : `${name} (${place})`;
}

/** Sentence of an agent about a step, with the place of the step behind its name, or else at the end. */
export function placedReason(
  reason: string,
  step: string | undefined,
  places: ReadonlyMap<string, string>,
): string {
  const place = step === undefined ? undefined : places.get(step);
  if (place === undefined) return reason;
  const named = `step "${step}"`;
  const at = reason.indexOf(named);
  if (at < 0) return `${reason} (${place})`;
  const end = at + named.length;
  return `${reason.slice(0, end)} (${place})${reason.slice(end)}`;
}

/** Sentence of an agent with the place of the step that it names, if that is one of these. */
export function reasonWithPlace(
  reason: string,
  places: ReadonlyMap<string, string>,
): string {
  const step = places.keys().find((name) => reason.includes(`step "${name}"`));
  return step === undefined ? reason : placedReason(reason, step, places);
}

/** True if the sentence of an agent may name a step. */
export function mayNameStep(reason: string): boolean {
  return reason.includes('step "');
}

/** Step that a result says has failed; undefined for none. */
export function failedStepIn(data: string): string | undefined {
  try {
    const { failedStep } = JSON.parse(data) as { failedStep?: unknown };
    return typeof failedStep === "string" ? failedStep : undefined;
  } catch {
    return undefined;
  }
}

/** A command as JSON, with the places of the steps that its result names. */
export async function placedJson(
  command: Command,
  ask: AskControl,
): Promise<ReturnType<typeof commandJson>> {
  const json = commandJson(command);
  const places = (await commandPlaces([command], ask)).get(command.id);
  return places === undefined ? json : { ...json, places: placesJson(places) };
}

/** Places of steps as JSON. */
export function placesJson(
  places: readonly StepPlace[],
): readonly Record<string, unknown>[] {
  return places.map(({ step, file, line }) => ({ step, file, line }));
}
