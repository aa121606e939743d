import { assertEquals } from "@std/assert";
import { SURVIVAL_INVARIANTS } from "./invariants.ts";
import { SURVIVAL_RULE_NAMES, SURVIVAL_RULES } from "./rules.ts";
import { searchSurvival, searchSurvivalWithout } from "./search.ts";

Deno.test("a program outlives crashes of agent and keeper, and power cuts, and no promise is broken", () => {
  const { states, broken, trace, told } = searchSurvival();

  assertEquals([broken, trace], [undefined, []]);
  // A change of the model shows here.
  assertEquals(states, 5_679);
  // Each end is reached.
  assertEquals([...told].sort(), ["exit code", "lost", "never ran"]);
});

/** Invariant that breaks first without each rule, and the number of steps to it. */
const COUNTEREXAMPLES = {
  "started-first": ["B", 8],
  "never-again": ["A", 8],
  "one-name": ["B", 9],
  "name-before-refused": ["B", 9],
  "settled-boot": ["B", 9],
  "settled-last": ["B", 12],
  "same-boot": ["E", 7],
  "end-counts": ["D", 9],
  "end-after-life": ["D", 9],
  "result-first": ["C", 10],
  "folder-last": ["B", 13],
} as const;

for (const name of SURVIVAL_RULE_NAMES) {
  const [invariant, steps] = COUNTEREXAMPLES[name];
  Deno.test(`a program that outlives its agent, without "${name}", violates ${invariant}`, () => {
    const { broken, trace } = searchSurvivalWithout(name);

    assertEquals(SURVIVAL_RULES[name].breaks, invariant);
    assertEquals([broken, trace.length], [invariant, steps]);
  });
}

Deno.test("every invariant of programs that outlive their agent is violated without some rule", () => {
  const broken = new Set(
    SURVIVAL_RULE_NAMES.map((name) => SURVIVAL_RULES[name].breaks),
  );

  assertEquals([...broken].sort(), Object.keys(SURVIVAL_INVARIANTS));
});
