import { TargetError } from "./target_error.ts";
import { TargetLimits } from "./target_expression.ts";

/** Counts of what all expressions of a request have had so far. */
export interface Spent {
  names: number;
  tests: number;
}

/** A place in the text of an expression, which moves on as it is read. */
export class Scanner {
  readonly text: string;
  readonly spent: Spent;
  at = 0;
  #depth = 0;

  constructor(text: string, spent: Spent) {
    this.text = text;
    this.spent = spent;
  }

  /** Next character; empty at the end. */
  get next(): string {
    return this.text[this.at] ?? "";
  }

  skipSpaces(): void {
    this.take(/\s+/y);
  }

  /** Moves past what a sticky pattern matches here, and returns the match. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    const match = this.look(pattern);
    if (match !== undefined) this.at += match[0].length;
    return match;
  }

  /** Match of a sticky pattern at this place. */
  look(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text) ?? undefined;
  }

  /** Reads something that is nested one level deeper. */
  nested<T>(read: () => T): T {
    if (++this.#depth > TargetLimits.depth) {
      this.fail(
        `there are more than ${TargetLimits.depth} levels of parentheses or braces`,
        "write fewer",
      );
    }
    const result = read();
    this.#depth--;
    return result;
  }

  /** Counts names that the expression stands for. */
  spendNames(count: number, at: number): void {
    this.spent.names += count;
    if (this.spent.names <= TargetLimits.names) return;
    this.fail(
      `the names are more than the limit of ${TargetLimits.names}`,
      "write a smaller range, or a glob such as web-*",
      at,
    );
  }

  /** Counts parts that look at each agent. */
  spendTests(count: number, at: number): void {
    this.spent.tests += count;
    if (this.spent.tests <= TargetLimits.tests) return;
    this.fail(
      `the globs and comparisons are more than the limit of ${TargetLimits.tests}`,
      "write fewer, or a group such as @web",
      at,
    );
  }

  /** @throws {TargetError} always */
  fail(fact: string, hint: string, at = this.at): never {
    throw new TargetError(this.text, { at, fact, hint });
  }
}
