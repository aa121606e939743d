import { nearest } from "../base/nearest.ts";
import { PiriError } from "../base/errors.ts";
import { AgentIndex, type TargetAgent } from "./agent_index.ts";
import { sortNames } from "./compare_names.ts";
import { Evaluation } from "./evaluation.ts";
import { foldNames } from "./fold_names.ts";
import { excerpt, printable } from "./target_error.ts";
import type { JobSetKind, TargetExpression } from "./target_expression.ts";

/** Names without an agent whose nearest names are looked for. */
const MAX_HINTS = 10;

/** Names that an error folds. */
const MAX_FOLDED = 1_000;

/** Agents that can be meant, and the sets of earlier jobs. */
export interface TargetWorld {
  /** Enrolled agents. Quickest in the natural order of their names, and if the same array comes again. */
  readonly agents: readonly TargetAgent[];
  /** Names of the agents that a job left in a set. */
  readonly sets: (kind: JobSetKind, job: bigint) => ReadonlySet<string>;
  /** More facts for the error of an expression that means nobody, as "2 retired agents are left out". */
  readonly notes?: readonly string[];
  /** Reason why a name is not among the agents, as "retired"; undefined for a name that nobody has. */
  readonly reasonOf?: (name: string) => string | undefined;
}

/** A name that no enrolled agent has. */
export interface MissingName {
  /** Name as it was typed. */
  readonly name: string;
  /** Name that was probably meant. */
  readonly nearest: string | undefined;
  /** Reason why an agent of that name is not enrolled. */
  readonly reason: string | undefined;
}

/** Remarks on an expression that was resolved. */
export interface ResolutionNotes {
  /** Names that were typed and that no enrolled agent has; empty unless that is allowed. */
  readonly missing: readonly MissingName[];
  /** Facts that agents lack, or that cannot be compared, and the number of those agents. */
  readonly lacking: readonly {
    readonly fact: string;
    readonly count: number;
  }[];
  /** Globs that no agent matches. */
  readonly unmatched: readonly string[];
  /** Names in sets of jobs that are not enrolled any more. */
  readonly gone: readonly string[];
}

/** Agents that an expression means. */
export interface ResolvedNames extends ResolutionNotes {
  /** Names in their natural order. */
  readonly names: readonly string[];
}

/**
 * Finds the agents that an expression means.
 *
 * @throws {PiriError} NOT_FOUND, with all names, groups and facts that are unknown, or if no agent is meant
 */
export function resolveTargets(
  expression: TargetExpression,
  { agents, sets, notes = [], reasonOf = () => undefined }: TargetWorld,
  { allowMissing = false, allowNobody = false }: {
    /** Takes unknown names as a note. */
    readonly allowMissing?: boolean;
    /** Takes an expression that means no agent, for what is left out. */
    readonly allowNobody?: boolean;
  } = {},
): ResolvedNames {
  const index = AgentIndex.of(agents);
  const evaluation = new Evaluation(index, sets);
  const chosen = evaluation.evaluate(expression.node, index.all());
  const missing = missingNames([...evaluation.missing], index, reasonOf);
  const faults = [
    ...(allowMissing ? [] : faultsOfNames(missing)),
    ...faultsOf(evaluation.unknownGroups, index.groupNames, index, {
      one: (group) => `there is no group "${group}"`,
    }),
    ...faultsOf(evaluation.unknownFacts, index.factNames, index, {
      one: (fact) => `no agent has the fact "${fact}"`,
    }),
  ];
  if (faults.length > 0) {
    throw new PiriError(
      "NOT_FOUND",
      `Cannot find the targets "${excerpt(expression.text)}": ${
        faults.join("; ")
      }`,
    );
  }
  const names = sortNames(
    agents.filter((_, index) => chosen[index] === 1).map(({ name }) => name),
  );
  if (names.length === 0 && !allowNobody) {
    throw meansNobody(expression, { index, evaluation, notes });
  }
  return {
    names,
    missing,
    lacking: [...evaluation.lacking].map(([fact, count]) => ({ fact, count })),
    unmatched: [...evaluation.unmatched],
    gone: sortNames([...evaluation.gone]),
  };
}

function missingNames(
  names: readonly string[],
  { agents }: AgentIndex,
  reasonOf: (name: string) => string | undefined,
): MissingName[] {
  let hints = 0;
  let known: readonly string[] | undefined;
  return sortNames(names).map((name) => {
    const reason = reasonOf(name);
    if (reason !== undefined || ++hints > MAX_HINTS) {
      return { name, nearest: undefined, reason };
    }
    known ??= agents.map(({ name }) => name);
    return { name, nearest: nearest(name, known), reason };
  });
}

/** Sentences about names without an agent; those with a reason are told by it. */
function faultsOfNames(missing: readonly MissingName[]): string[] {
  const byReason = Map.groupBy(missing, ({ reason }) => reason);
  return [...byReason].map(([reason, names]) => {
    const one = names.length === 1;
    const folded = foldSome(names.map(({ name }) => name));
    const text = excerpt(one ? `"${folded}"` : folded);
    if (reason !== undefined) {
      return `${text} ${one ? "is" : "are"} ${reason}`;
    }
    const near = new Set(names.flatMap(({ nearest }) => nearest ?? []));
    return `there ${one ? "is no agent" : "are no agents"} ${text}${
      didYouMeanAny([...near])
    }`;
  });
}

/** Names as ranges; of very many the first ones, so that a mistyped range costs little. */
function foldSome(names: readonly string[]): string {
  const folded = foldNames(names.slice(0, MAX_FOLDED));
  const more = names.length - MAX_FOLDED;
  return more > 0 ? `${folded} and ${more} more` : folded;
}

function faultsOf(
  unknown: ReadonlySet<string>,
  known: (this: AgentIndex) => readonly string[],
  index: AgentIndex,
  { one }: { readonly one: (name: string) => string },
): string[] {
  if (unknown.size === 0) return [];
  const names = known.call(index);
  return [...unknown].slice(0, MAX_HINTS).map((name) =>
    `${one(printable(name))}${
      didYouMeanAny([nearest(name, names) ?? []].flat())
    }`
  );
}

function didYouMeanAny(names: readonly string[]): string {
  return names.length === 0
    ? ""
    : `, did you mean ${
      names.map((name) => `"${printable(name)}"`).join(", ")
    }?`;
}

function meansNobody(
  { text }: TargetExpression,
  { index: { agents }, evaluation: { unmatched, lacking }, notes }: {
    readonly index: AgentIndex;
    readonly evaluation: Evaluation;
    readonly notes: readonly string[];
  },
): PiriError {
  const facts = [
    agents.length === 0 ? "there are no enrolled agents" : "it means no agent",
    ...[...unmatched].slice(0, MAX_HINTS).map((glob) => hintForGlob(glob)),
    ...[...lacking].map(([fact, count]) =>
      `${count} ${count === 1 ? "agent has" : "agents have"} no "${
        printable(fact)
      }" to compare`
    ),
    ...notes,
  ];
  return new PiriError(
    "NOT_FOUND",
    `Cannot find the targets "${excerpt(text)}": ${facts.join("; ")}`,
  );
}

/** Agents of a list that an expression means, whatever else it names. */
export function matchingAgents<T extends TargetAgent>(
  expression: TargetExpression,
  { agents, sets }: {
    readonly agents: readonly T[];
    readonly sets: TargetWorld["sets"];
  },
): readonly T[] {
  const index = AgentIndex.of(agents);
  const evaluation = new Evaluation(index, sets);
  const chosen = evaluation.evaluate(expression.node, index.all());
  return agents.filter((_, index) => chosen[index] === 1);
}

/** Reason why a glob may have found nothing. */
function hintForGlob(glob: string): string {
  return glob.includes(".*")
    ? `"${glob}" is a glob, in which a dot is a dot, so write "${
      glob.replaceAll(".*", "*")
    }" for any text`
    : `no name matches "${glob}"`;
}
