import type { SurvivalInvariant } from "./invariants.ts";

/** Rule of programs that outlive their agent, which can be left out. */
interface SurvivalRule {
  /** The rule in a sentence or two. */
  readonly says: string;
  /** Invariant that breaks first without the rule. */
  readonly breaks: SurvivalInvariant;
}

/** The rules. docs/reliability.md has them in context. */
export const SURVIVAL_RULES = {
  "started-first": {
    says:
      "The agent has on its disk that a command starts, before it starts the keeper.",
    breaks: "B",
  },
  "never-again": {
    says:
      "The agent starts no second keeper for a command that its journal has as started.",
    breaks: "A",
  },
  "one-name": {
    says:
      "A keeper begins its program only if it is the first to create one name.",
    breaks: "B",
  },
  "name-before-refused": {
    says:
      "An agent that finds no trace of a beginning takes that name before it says that the program never ran.",
    breaks: "B",
  },
  "settled-boot": {
    says:
      "A folder that is not there means that the program never ran, only if an agent has settled the past in this boot.",
    breaks: "B",
  },
  "settled-last": {
    says:
      "An agent notes that it has settled the past, after its results of the past are on its disk.",
    breaks: "B",
  },
  "same-boot": {
    says:
      "Of a keeper of another boot, only the exit code counts that it has noted.",
    breaks: "E",
  },
  "end-counts": {
    says: "An exit code that was noted counts, also if the keeper is gone.",
    breaks: "D",
  },
  "end-after-life": {
    says:
      "An agent that sees that the keeper is gone looks for the exit code once more.",
    breaks: "D",
  },
  "result-first": {
    says: "The agent has a result on its disk before it says it.",
    breaks: "C",
  },
  "folder-last": {
    says: "The folder of a command is removed after its result is on the disk.",
    breaks: "B",
  },
} as const satisfies Record<string, SurvivalRule>;

export type SurvivalRuleName = keyof typeof SURVIVAL_RULES;

// Object.keys loses the type of the keys.
export const SURVIVAL_RULE_NAMES = Object.keys(
  SURVIVAL_RULES,
) as readonly SurvivalRuleName[];

/** The rules of a search. */
export type SurvivalRules = ReadonlySet<SurvivalRuleName>;
