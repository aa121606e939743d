import * as v from "valibot";

const Debt = v.object({
  state: v.optional(v.string()),
  listener: v.string(),
  cause: v.string(),
});

const Result = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    failedStep: v.optional(v.string()),
    moved: v.optional(v.array(v.string()), []),
    owed: v.optional(v.array(Debt), []),
    forgiven: v.optional(v.array(Debt), []),
  }),
);

/** Names of the steps that the result of a run names, each once, by their states; undefined is the state of the run. */
export function namedIn(
  data: string,
): ReadonlyMap<string | undefined, string[]> {
  const read = v.safeParse(Result, data);
  if (!read.success) return new Map();
  const { failedStep, moved, owed, forgiven } = read.output;
  const named = new Map<string | undefined, Set<string>>();
  const add = (state: string | undefined, ...steps: string[]) => {
    const known = named.get(state) ?? new Set();
    named.set(state, known);
    for (const step of steps) known.add(step);
  };
  if (failedStep !== undefined) add(undefined, failedStep);
  add(undefined, ...moved);
  for (const { state, listener, cause } of [...owed, ...forgiven]) {
    add(state, listener, cause);
  }
  return new Map([...named].map(([state, steps]) => [state, [...steps]]));
}

/** Names of the steps that the result of a run names, as its failed one. */
export function stepsNamedIn(data: string): readonly string[] {
  return [...new Set([...namedIn(data).values()].flat())];
}
