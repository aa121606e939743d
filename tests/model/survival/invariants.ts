import type { State } from "./state.ts";

/** Conditions that hold in every state. */
export const SURVIVAL_INVARIANTS = {
  A: "A program begins at most once.",
  B: "Of a program that has begun, nobody is told that it never ran.",
  C: "Nobody is told two different ends of one command.",
  D: "A command is called lost only if its keeper is gone, or its host was restarted, and no exit code is on the disk.",
  E: "Nothing is said to run that is of another boot.",
} as const;

export type SurvivalInvariant = keyof typeof SURVIVAL_INVARIANTS;

const HOLDS: Readonly<Record<SurvivalInvariant, (state: State) => boolean>> = {
  A: ({ begun }) => begun <= 1,
  B: ({ begun, told }) => begun === 0 || !told.includes("never ran"),
  C: ({ told }) => new Set(told).size <= 1,
  D: ({ phase, known, keeper, folder }) =>
    phase !== "ends" || known !== "lost" ||
    keeper === "none" && folder.end === "no",
  E: ({ phase, folder, boot }) =>
    phase !== "follows" || !folder.exists || folder.boot === boot ||
    folder.end !== "no",
};

/** Name of the first invariant that does not hold. */
export function brokenIn(state: State): SurvivalInvariant | undefined {
  return (Object.keys(HOLDS) as SurvivalInvariant[])
    .find((each) => !HOLDS[each](state));
}
