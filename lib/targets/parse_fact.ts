import type { Scanner } from "./scanner.ts";
import {
  type FactOperator,
  TargetLimits,
  type TargetNode,
} from "./target_expression.ts";
import { isOrdered } from "./compare_facts.ts";
import { hasWildcard, literalOf } from "./glob.ts";

/** Beginning of a quoted text. */
export const QUOTE = /["']/y;

const PLAIN_FACT =
  /([A-Za-z0-9_][A-Za-z0-9_.-]*)\s*(!=|<=|>=|==|=~|=>|=<|<>|!~|=|<|>)/y;
const QUOTED_FACT =
  /(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*(?=!=|!~|[=<>])/y;
const OPERATOR = /\s*(!=|<=|>=|==|=~|=>|=<|<>|!~|=|<|>)/y;

/** Characters of a value that needs no quotes, besides wildcards. */
export const BARE_VALUE = /[A-Za-z0-9._+:/@%~*?-]+/y;

/** Operators of other languages, and ours. */
const OTHER_OPERATORS: Readonly<Record<string, string>> = {
  "==": "=",
  "=>": ">=",
  "=<": "<=",
  "<>": "!=",
  "=~": "= and a glob",
  "!~": "!= and a glob",
};

/** Reads a comparison of a fact; undefined if something else begins here. */
export function parseFact(scanner: Scanner): TargetNode | undefined {
  const at = scanner.at;
  let fact: string;
  if (scanner.look(QUOTED_FACT)) fact = parseQuoted(scanner);
  else if (scanner.look(PLAIN_FACT)) {
    fact = scanner.take(/[A-Za-z0-9_.-]+/y)?.[0] ?? "";
  } else return undefined;
  const operatorAt = scanner.at;
  const operator = scanner.take(OPERATOR)?.[1] ?? "";
  const ours = OTHER_OPERATORS[operator];
  if (ours !== undefined) {
    scanner.fail(
      `there is no operator ${operator}`,
      `write ${ours}`,
      operatorAt,
    );
  }
  scanner.skipSpaces();
  const value = parseValue(scanner);
  scanner.spendTests(1, at);
  check(scanner, { fact, operator: operator as FactOperator, value, at });
  return { kind: "fact", fact, operator: operator as FactOperator, value };
}

function check(
  scanner: Scanner,
  { fact, operator, value, at }: {
    fact: string;
    operator: FactOperator;
    value: string;
    at: number;
  },
): void {
  if (value.length > TargetLimits.value) {
    scanner.fail(
      `the value has more than ${TargetLimits.value} characters`,
      "write a shorter one, with *",
      at,
    );
  }
  const isEqual = operator === "=" || operator === "!=";
  if (!isEqual && (hasWildcard(value) || !isOrdered(literalOf(value)))) {
    scanner.fail(
      `${operator} needs a number, a size or a version`,
      `write ${fact}${operator}8, or = and a glob`,
      at,
    );
  }
  if (
    fact === "state" && isEqual && !hasWildcard(value) &&
    !/^(?:connected|away)$/i.test(value)
  ) {
    scanner.fail(
      `"${value}" is no state of an agent`,
      "write state=connected or state=away",
      at,
    );
  }
}

function parseValue(scanner: Scanner): string {
  if (scanner.look(QUOTE)) return parseQuotedValue(scanner);
  const [value] = scanner.take(BARE_VALUE) ?? scanner.fail(
    scanner.next === "" ? "the value is missing" : "no value begins so",
    'write FACT=VALUE, and values with other characters in quotes, as os.name="Debian 12"',
  );
  if (/[[\]{}\\^$|<>='"]/.test(scanner.next)) {
    scanner.fail(
      "a value without quotes has no such character",
      "write * and ? for other text, or the value in quotes",
    );
  }
  return value.replaceAll(/\*+/g, "*");
}

/** Reads a quoted text, in which a backslash takes the next character as it is. */
export function parseQuoted(scanner: Scanner): string {
  const at = scanner.at;
  const text = literalOf(parseQuotedValue(scanner));
  if (text === "") {
    scanner.fail("nothing is in the quotes", "write a name in them", at);
  }
  return text;
}

/** Reads a quoted value, in which `\*` and `\?` are no wildcards. */
function parseQuotedValue(scanner: Scanner): string {
  const at = scanner.at;
  const quote = scanner.next;
  scanner.at++;
  let value = "";
  for (;;) {
    const character = scanner.next;
    if (character === "") {
      scanner.fail("the quote is not closed", `write ${quote} at its end`, at);
    }
    scanner.at++;
    if (character === quote) {
      return value.replaceAll(/(?<!\\)((?:\\\\)*)\*+/g, "$1*");
    }
    value += character === "\\" ? escaped(scanner) : character;
  }
}

function escaped(scanner: Scanner): string {
  const character = scanner.next;
  if (!/["'*?\\]/.test(character)) {
    scanner.fail(
      "a backslash stands before *, ?, a quote or a backslash only",
      "write two of them for one",
      scanner.at - 1,
    );
  }
  scanner.at++;
  return /["']/.test(character) ? character : `\\${character}`;
}
