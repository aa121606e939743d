import * as v from "valibot";

/** Most bytes of the places of a compiled state. One that needs more has none. */
export const MAX_PLACES_BYTES = 8 * 1_048_576;

/** Place of a step in the files of states. */
export interface StepPlace {
  /** Path below the Manager's folder, with slashes, as states/all.yaml. */
  readonly file: string;
  /** Line, counted from 1. */
  readonly line: number;
}

/** Place of a step with its name. */
export interface NamedPlace extends StepPlace {
  /** Full name of the step. */
  readonly step: string;
}

const line = v.pipe(v.number(), v.integer(), v.minValue(1));

const Written = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    files: v.array(v.string()),
    steps: v.array(v.tuple([v.string(), v.number(), line])),
  }),
);

/**
 * Writes the places of steps as JSON, each file once. Empty without steps, and if it would be too long. They are no part
 * of the compiled state: a comment above a step moves it, and changes nothing that it does.
 */
export function writePlaces(places: readonly NamedPlace[]): string {
  if (places.length === 0) return "";
  const files = new Map<string, number>();
  const steps = places.map(({ step, file, line }) => {
    const index = files.get(file) ?? files.size;
    files.set(file, index);
    return [step, index, line] as const;
  });
  const text = JSON.stringify({ files: [...files.keys()], steps });
  const { length } = new TextEncoder().encode(text);
  return length > MAX_PLACES_BYTES ? "" : text;
}

/** Places by the names of their steps; none in a text that is not one of `writePlaces`. */
export function readPlaces(text: string): ReadonlyMap<string, StepPlace> {
  const { success, output } = v.safeParse(Written, text);
  if (!success) return new Map();
  return new Map(
    output.steps.flatMap(([step, index, line]) => {
      const file = output.files[index];
      return file === undefined ? [] : [[step, { file, line }] as const];
    }),
  );
}

/** Place as people and editors write it: states/all.yaml:3. */
export function placeText({ file, line }: StepPlace): string {
  return `${file}:${line}`;
}
