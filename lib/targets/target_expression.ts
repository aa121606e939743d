/** Limits of target expressions. */
export const TargetLimits = {
  /** One expression, in characters. */
  length: 65_536,
  /** All expressions of a request together, in characters. */
  total: 1_048_576,
  /** Nesting of parentheses and braces, a count of levels. */
  depth: 100,
  /** Names that ranges, lists and single names stand for together, a count. */
  names: 100_000,
  /** Globs, comparisons of facts and other parts that look at each agent, a count. */
  tests: 1_000,
  /** Value that a fact is compared with, in characters. */
  value: 1_000,
} as const;

/** Numbers from one to another, in steps. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

/** Part of a word that names agents. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  /** Any text, also none: `*`. */
  | { readonly kind: "any" }
  /** One character: `?`. */
  | { readonly kind: "one" }
  /** Numbers with leading zeros up to a width; 1 for none. */
  | {
    readonly kind: "range";
    readonly width: number;
    readonly spans: readonly Span[];
  }
  /** One of several texts: `{a,b}`. */
  | { readonly kind: "choice"; readonly of: readonly (readonly Piece[])[] };

/** Comparison of a fact with a value. */
export type FactOperator = "=" | "!=" | "<" | "<=" | ">" | ">=";

/** Kind of a set of agents that a job left: all of it, or those whose command ended so. */
export type JobSetKind = "job" | "failed" | "lost" | "ok";

/** Part of an expression. */
export type TargetNode =
  | { readonly kind: "all" }
  | { readonly kind: "word"; readonly pieces: readonly Piece[] }
  | { readonly kind: "group"; readonly group: string }
  | {
    readonly kind: "fact";
    readonly fact: string;
    readonly operator: FactOperator;
    /** Text in which `*` and `?` are wildcards, unless a backslash is before them. */
    readonly value: string;
  }
  | { readonly kind: "jobSet"; readonly set: JobSetKind; readonly job: bigint }
  | { readonly kind: "presence"; readonly connected: boolean }
  | { readonly kind: "union"; readonly of: readonly TargetNode[] }
  /** Agents of the first that are in all `and` parts, and in no `except` part. */
  | {
    readonly kind: "term";
    readonly first: TargetNode;
    readonly rest: readonly TermPart[];
  };

/** Part that narrows a term down. */
export interface TermPart {
  readonly operator: "and" | "except";
  readonly node: TargetNode;
}

/** A target expression that was read: names agents, and knows none. */
export interface TargetExpression {
  /** Expression as it was typed, for messages. */
  readonly text: string;
  readonly node: TargetNode;
}

/** A set of agents that a job left. */
export interface JobSet {
  readonly kind: JobSetKind;
  readonly job: bigint;
}

/** Sets of jobs that an expression names, each once, so that they can be loaded before it is resolved. */
export function setsOf({ node }: TargetExpression): readonly JobSet[] {
  const sets = new Map<string, JobSet>();
  const visit = (part: TargetNode) => {
    if (part.kind === "jobSet") {
      sets.set(`${part.set} ${part.job}`, { kind: part.set, job: part.job });
    } else if (part.kind === "union") part.of.forEach(visit);
    else if (part.kind === "term") {
      visit(part.first);
      for (const { node } of part.rest) visit(node);
    }
  };
  visit(node);
  return [...sets.values()];
}

/** Name of the only agent that an expression can mean; undefined for anything but one literal name. */
export function onlyName({ node }: TargetExpression): string | undefined {
  if (node.kind !== "word") return undefined;
  const [piece, ...more] = node.pieces;
  return piece?.kind === "text" && more.length === 0 ? piece.text : undefined;
}
