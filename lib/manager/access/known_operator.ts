import { approvalsText } from "../../base/approval_name.ts";
import { PiriError } from "../../base/errors.ts";
import type { NewRule, OperatorRecord } from "../../store/operator_records.ts";
import type { OperatorView } from "../api/access_api.ts";
import { Rule } from "./rule.ts";
import { isUnlimited } from "./unlimited_rule.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}$/;

/** Operator in memory, with rules that are ready to be applied. */
export interface Known {
  readonly record: OperatorRecord;
  readonly rules: readonly Rule[];
}

/** Operator in memory, out of its record. */
export function knownOf(record: OperatorRecord): Known {
  return { record, rules: record.rules.map((rule) => new Rule(rule)) };
}

/**
 * Checks what a new operator is to be.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function checkNew(name: string, rules: readonly NewRule[]): void {
  if (!NAME.test(name)) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot add operator "${name}": a name has letters, digits, and _ . @ -, 100 at most`,
    );
  }
  for (const rule of rules) checkRule(rule);
}

/**
 * Checks a new rule.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function checkRule(rule: NewRule): void {
  new Rule({ ...rule, number: 0 });
}

/**
 * An operator as people see it.
 *
 * @param unlimitedOperations Names of the operations by which anything can be run.
 */
export function viewOf(
  { record, rules }: Known,
  unlimitedOperations: readonly string[],
): OperatorView {
  return {
    ...record,
    tokens: record.tokens.map(({ hash: _, ...token }) => token),
    rules: rules.map((rule) => ({
      ...rule.record,
      unlimited: isUnlimited(rule.record, unlimitedOperations),
    })),
  };
}

/** Tells which rule allows something, and the approvals that it needs. */
export function allowedText(
  { rule, approvals }: { readonly rule: string; readonly approvals: number },
): string {
  const needs = approvals === 0 ? "" : `, with ${approvalsText(approvals)}`;
  return `rule ${rule} allows it${needs}`;
}
