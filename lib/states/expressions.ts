import {
  Context,
  Drop,
  Liquid,
  type Template,
  Tokenizer,
  TokenKind,
  toValueSync,
  Value,
} from "liquidjs";
import {
  inForm,
  SECRET_FORMS,
  type SecretForm,
} from "../steps/secrets/secret_form.ts";
import { SecretDrop } from "./secret_text.ts";

/** Longest time of one expression or template, in milliseconds. */
export const MAX_RENDER_MS = 2_000;

/** Largest output of a template, in bytes. */
export const MAX_OUTPUT_BYTES = 1_048_576;

/** Work that one expression or template may do, in the units of the library: about one for each character or part. */
const MAX_MEMORY = 20_000_000;

/** Expressions and templates that are kept parsed. */
const MAX_PARSED = 10_000;

/** Filters that answer otherwise each time: equal inputs must make equal states. */
const RANDOM_FILTERS = ["sample", "shuffle"];

/** Values by the names that an expression may use. */
export type Scope = Readonly<Record<string, unknown>>;

/** Error in an expression or template. */
export class ExpressionError extends Error {
  /** Line in the text, counted from 1. */
  readonly line: number;
  /** Column in the line, counted from 1. */
  readonly column: number;
  /** Name that has no value, if this is the error. */
  readonly unknown: string | undefined;

  constructor(
    message: string,
    at: { line: number; column: number; unknown?: string | undefined },
  ) {
    super(message);
    this.name = "ExpressionError";
    this.line = at.line;
    this.column = at.column;
    this.unknown = at.unknown;
  }
}

/** Expressions and templates of Liquid: strict about names and filters, without files, time and chance. */
export class Expressions {
  readonly #liquid: Liquid;
  readonly #values = new Map<string, Value>();
  readonly #templates = new Map<string, Template[]>();

  constructor() {
    this.#liquid = new Liquid({
      strictVariables: true,
      strictFilters: true,
      ownPropertyOnly: true,
      // For "| default:", and for nothing else.
      lenientIf: true,
      renderLimit: MAX_RENDER_MS,
      memoryLimit: MAX_MEMORY,
      parseLimit: MAX_MEMORY,
      templates: {},
      outputEscape: (value: unknown) =>
        value instanceof SecretDrop ? this.#mark(value) : value as string,
    });
    this.#limitFilters();
    for (const tag of ["include", "render", "layout", "block"]) {
      Reflect.deleteProperty(this.#liquid.tags, tag);
    }
  }

  #secrets: SecretDrop[] = [];

  /**
   * Value of an expression, of any type; a secret is a `SecretDrop`.
   *
   * @throws {ExpressionError}
   */
  evaluate(expression: string, scope: Scope): unknown {
    try {
      const value = this.#parsed(expression);
      const context = this.#context(scope);
      const result: unknown = toValueSync(
        value.value(context, false) as Generator<unknown, unknown, unknown>,
      );
      if (result instanceof SecretDrop) return result;
      return result instanceof Drop ? result.valueOf() : result;
    } catch (error) {
      throw asExpressionError(error);
    }
  }

  /**
   * Text of a template, cut where secrets are.
   *
   * @throws {ExpressionError}
   */
  render(template: string, scope: Scope): readonly (string | SecretDrop)[] {
    if (MARK.test(template)) {
      throw new ExpressionError(
        "it has the characters U+FDD0 or U+FDD1 in it",
        {
          line: 1,
          column: 1,
        },
      );
    }
    this.#secrets = [];
    try {
      const parsed = this.#templates.get(template) ??
        this.#liquid.parse(template);
      keep(this.#templates, template, parsed);
      const text = String(
        // The tag "increment" writes into the scope.
        this.#liquid.renderSync(parsed, this.#context({ ...scope })),
      );
      if (new TextEncoder().encode(text).length > MAX_OUTPUT_BYTES) {
        throw new Error(
          `the output is over the limit of ${MAX_OUTPUT_BYTES} bytes`,
        );
      }
      return this.#cut(text);
    } catch (error) {
      throw asExpressionError(error);
    } finally {
      this.#secrets = [];
    }
  }

  /** Takes out what answers otherwise each time, and keeps secrets from all filters but their forms. */
  #limitFilters(): void {
    const { date } = this.#liquid.filters;
    this.#liquid.registerFilter("date", function (value, ...more) {
      if (value === "now" || value === "today") {
        throw new Error(`"${value}" would give another text each time`);
      }
      return handlerOf(date).call(this, value, ...more);
    });
    for (const name of RANDOM_FILTERS) {
      this.#liquid.registerFilter(name, () => {
        throw new Error(
          `the filter "${name}" would give another text each time`,
        );
      });
    }
    for (const [name, filter] of Object.entries(this.#liquid.filters)) {
      this.#liquid.registerFilter(name, function (...values: unknown[]) {
        for (const value of values) {
          if (value instanceof SecretDrop) value.valueOf();
        }
        return handlerOf(filter).apply(this, values);
      });
    }
    for (const form of SECRET_FORMS) {
      this.#liquid.registerFilter(form, (value: unknown) => as(form, value));
    }
  }

  #parsed(expression: string): Value {
    const known = this.#values.get(expression);
    if (known !== undefined) return known;
    checkOperators(expression);
    const value = new Value(expression, this.#liquid);
    keep(this.#values, expression, value);
    return value;
  }

  #context(scope: Scope): Context {
    return new Context(scope, this.#liquid.options, { sync: true });
  }

  /** Text that stands for a secret in an output. Characters that no text has mark it. */
  #mark(secret: SecretDrop): string {
    this.#secrets.push(secret);
    return `\uFDD0${this.#secrets.length - 1}\uFDD1`;
  }

  #cut(text: string): (string | SecretDrop)[] {
    const parts: (string | SecretDrop)[] = [];
    let end = 0;
    for (const found of text.matchAll(/\uFDD0(\d+)\uFDD1/g)) {
      const secret = this.#secrets[Number(found[1])];
      if (secret === undefined) break;
      parts.push(text.slice(end, found.index), secret);
      end = found.index + found[0].length;
    }
    parts.push(text.slice(end));
    const isDamaged = parts.some((part) =>
      typeof part === "string" && MARK.test(part)
    );
    if (isDamaged) {
      throw new Error("a text with a secret in it is changed by a filter");
    }
    return parts.filter((part) => part !== "");
  }
}

/** Function of a filter of the library. */
function handlerOf(filter: unknown): (...values: unknown[]) => unknown {
  const { handler = filter } = filter as { handler?: unknown };
  return handler as (...values: unknown[]) => unknown;
}

const MARK = /[\uFDD0\uFDD1]/;

function keep<T>(map: Map<string, T>, key: string, value: T): void {
  const [oldest] = map.keys();
  if (map.size >= MAX_PARSED && oldest !== undefined) map.delete(oldest);
  map.set(key, value);
}

/** Refuses values and operators that do not take turns: the library ignores what is left over. */
function checkOperators(expression: string): void {
  const tokenizer = new Tokenizer(expression);
  let wantsValue = true;
  for (const token of tokenizer.readExpressionTokens()) {
    const operator = token.getText();
    const isOperator = token.kind === TokenKind.Operator;
    if (isOperator && operator === "not") continue;
    if (isOperator === wantsValue) {
      throw new ExpressionError(
        isOperator
          ? `a value is missing before "${operator}"`
          : `"${operator}" stands where an operator or a filter should be`,
        { line: 1, column: token.begin + 1 },
      );
    }
    wantsValue = isOperator;
  }
  if (wantsValue) {
    throw new ExpressionError("a value is missing at its end", {
      line: 1,
      column: Math.max(1, expression.length),
    });
  }
}

/** A value in a form: a secret stays sealed. */
function as(form: SecretForm, value: unknown): unknown {
  if (value instanceof SecretDrop) return SecretDrop.as(value, form);
  const plain = value instanceof Drop ? value.valueOf() : value;
  if (form === "json") return JSON.stringify(plain ?? null);
  const text = typeof plain === "object"
    ? JSON.stringify(plain)
    : String(plain);
  return inForm(text, form);
}

/** Error of the library in our words. */
function asExpressionError(error: unknown): unknown {
  if (error instanceof ExpressionError || !(error instanceof Error)) {
    return error;
  }
  const { token, originalError } = error as Error & {
    token?: { getPosition(): [number, number] };
    originalError?: Error;
  };
  const [line, column] = token?.getPosition() ?? [1, 1];
  const message = (originalError?.message ?? error.message)
    .replace(/, line:\d+, col:\d+$/, "");
  const unknown = /^undefined variable: (.*)$/.exec(message)?.[1];
  return new ExpressionError(
    unknown === undefined
      ? message.replace(/^undefined filter: (.*)$/, 'no filter is named "$1"')
      : `"${unknown}" has no value`,
    { line, column, unknown },
  );
}
