import { PiriError } from "../../base/errors.ts";
import type { AgentChange } from "../../store/records.ts";
import { isBuiltIn } from "../../targets/agent_index.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { requireName } from "./agent_names.ts";

const FACT_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/;

/** Longest value of a fact that operators set, in characters. */
const MAX_VALUE = 1_000;

/** Facts that one change may set, a count. */
const MAX_FACTS = 100;

/** Longest list of names in an event, in characters. */
const MAX_NAMES = 200;

/** @throws {PiriError} INVALID_ARGUMENT for a bad group or fact, or a change of nothing */
export function checkChange(change: AgentChange): void {
  const { addGroups, removeGroups, setFacts, removeFacts, retired } = change;
  const facts = Object.entries(setFacts);
  const count = addGroups.length + removeGroups.length + facts.length +
    removeFacts.length;
  if (count === 0 && retired === undefined) {
    throw invalid("set agents", "nothing is to be changed");
  }
  for (const group of addGroups) requireName("a group", group);
  if (facts.length > MAX_FACTS) {
    throw invalid(
      "set agents",
      `there are ${facts.length} facts, and the limit is ${MAX_FACTS}`,
    );
  }
  for (const [name, value] of facts) checkFact(name, value);
}

function checkFact(name: string, value: string): void {
  const attempt = `set the fact "${name.slice(0, 100)}"`;
  if (isBuiltIn(name) || name.startsWith("policy.")) {
    throw invalid(attempt, "the Manager or the agent itself tells it");
  }
  if (!FACT_PATTERN.test(name)) {
    throw invalid(
      attempt,
      "its name may have 1 to 100 letters, digits, dots, hyphens and underscores",
    );
  }
  if (value.length > MAX_VALUE) {
    throw invalid(
      attempt,
      `its value has ${value.length} characters, and the limit is ${MAX_VALUE}`,
    );
  }
}

function invalid(attempt: string, fact: string): PiriError {
  return new PiriError("INVALID_ARGUMENT", `Cannot ${attempt}: ${fact}`);
}

/** A change as a sentence of the log for operators. */
export function setText(
  names: readonly string[],
  change: AgentChange,
): string {
  const folded = foldNames(names);
  const shown = folded.length <= MAX_NAMES
    ? folded
    : `${folded.slice(0, MAX_NAMES)}… (${names.length} agents)`;
  const parts = [
    ...change.addGroups.map((group) => `group ${group} added`),
    ...change.removeGroups.map((group) => `group ${group} removed`),
    ...Object.entries(change.setFacts).map(([name, value]) =>
      `fact ${name}=${value}`
    ),
    ...change.removeFacts.map((name) => `fact ${name} removed`),
    ...change.retired === undefined
      ? []
      : [change.retired ? "retired" : "not retired any more"],
  ];
  return `${shown}: ${parts.join(", ")}`;
}
