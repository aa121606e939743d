import { assertEquals } from "@std/assert";
import { QUICK } from "./configurations.ts";
import { INVARIANTS } from "./invariants.ts";
import { searchWithout } from "./leave_out.ts";
import { RULE_NAMES, RULES } from "./rules.ts";
import { search } from "./search.ts";

const ALL_RULES = new Set(RULE_NAMES);

/** Number of states in each search. A change of the model shows here. */
const STATES: Readonly<Record<string, number>> = {
  "links break": 1_298,
  "both are killed": 6_814,
  "the Manager is restored": 346,
  "the Manager is restored, two requests": 2_682,
  "a journal is lost": 6_212,
  "a host is copied": 4_965,
  "ids come from elsewhere": 4_054,
  "an agent stands still": 1_230,
  "jobs, both are killed": 1_098,
  "jobs, the Manager is restored": 342,
  "jobs, the Manager is restored, an entry ends": 502,
  "jobs, the Manager is restored and killed": 28_290,
  "jobs, the Manager is restored, a journal is lost": 4_909,
};

for (const { name, bounds, invariants } of QUICK) {
  Deno.test(`the model has no violation where ${name}`, () => {
    const { states, violation } = search(
      { bounds, rules: ALL_RULES },
      invariants,
    );
    assertEquals(violation, undefined);
    assertEquals(states, STATES[name]);
  });
}

/** Invariant that breaks first without each rule, and the number of steps to it. */
const COUNTEREXAMPLES = {
  "session-grows": ["B", 11],
  "one-connection": ["D", 9],
  "sent-first": ["E", 15],
  "result-first": ["E", 11],
  "acknowledge-all": ["D", 16],
  "last-id-counts": ["B", 16],
  "instance-counts": ["B", 13],
  "presumptions-give-way": ["E", 21],
  "found-is-not-sent": ["B", 11],
  "found-cancel-waits": ["B", 11],
  "entry-last-id": ["A", 20],
  "entry-instance": ["A", 22],
  "entry-once": ["B", 15],
  "entry-end-waits": ["B", 12],
  "hello-counts-as-sent": ["H", 19],
  "ids-follow": ["D", 22],
  "ids-follow-at-most": ["F", 8],
  "lost-gives-way": ["E", 23],
  "late-lost": ["E", 23],
  "journal-first": ["B", 9],
  "settle-first": ["B", 12],
  "ids-ascend": ["A", 15],
  "ids-ascend-at-most": ["F", 9],
  "nonce": ["C", 17],
  "new-journal-new-instance": ["B", 15],
  "standstill-drops": ["G", 10],
  "hold": ["G", 10],
  "hello-cancels": ["G", 13],
  "stale-new-instance": ["E", 23],
} as const;

for (const name of RULE_NAMES) {
  const [invariant, steps] = COUNTEREXAMPLES[name];
  Deno.test(`the model without "${name}" violates invariant ${invariant}`, () => {
    const { violation, trace } = searchWithout(name);
    assertEquals(RULES[name].breaks, invariant);
    assertEquals([violation?.invariant, trace.length], [invariant, steps]);
  });
}

Deno.test("every invariant of the model is violated without some rule", () => {
  const broken = new Set(RULE_NAMES.map((name) => RULES[name].breaks));
  assertEquals([...broken].sort(), Object.keys(INVARIANTS));
});
