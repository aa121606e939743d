import type {
  BlobValue,
  SecretValue,
  SheetCondition,
  SheetStep,
  SheetValue,
} from "../../steps/sheet.ts";

/** Longest value that is shown on its line, in characters. */
const MAX_VALUE = 60;

/** Lines about the parameters and keys of a step. */
export function paramsText(
  step: SheetStep,
  nameOf: (index: number) => string,
): readonly string[] {
  const { name: _name, operation: _operation, params, ...keys } = step;
  const lines = Object.entries(params).map(([key, value]) =>
    `${key}: ${
      isStepList(key, value) ? namesOf(value, nameOf) : shown(key, value)
    }`
  );
  if (keys.if !== undefined) {
    lines.push(`if: ${conditionText(keys.if, nameOf)}`);
  }
  for (const key of ["require", "onchanges"] as const) {
    const steps = keys[key];
    if (steps !== undefined) lines.push(`${key}: ${namesOf(steps, nameOf)}`);
  }
  if (keys.continue) lines.push("continue: true");
  if (keys.retry !== undefined) {
    const { times, everyMs } = keys.retry;
    lines.push(`retry: ${times} times, every ${everyMs} ms`);
  }
  if (keys.timeoutMs !== undefined) lines.push(`timeout: ${keys.timeoutMs} ms`);
  if (keys.tags !== undefined) lines.push(`tags: ${keys.tags.join(", ")}`);
  if (keys.hidden) lines.push("show: false");
  return lines;
}

function isStepList(
  key: string,
  value: SheetValue,
): value is readonly number[] {
  return ["restart_on", "reload_on"].includes(key) && Array.isArray(value);
}

function namesOf(
  steps: readonly number[],
  nameOf: (index: number) => string,
): string {
  return steps.map(nameOf).join(", ");
}

function shown(key: string, value: SheetValue): string {
  if (/^(?:dir_)?mode$/.test(key) && typeof value === "number") {
    return `0${value.toString(8)}`;
  }
  if (typeof value === "object" && value !== null) {
    if ("$blob" in value) {
      const { sha256, size } = (value as unknown as BlobValue).$blob;
      return `${size} bytes, SHA-256 ${sha256.slice(0, 12)}`;
    }
    if ("$secret" in value) {
      return secretText(value as unknown as SecretValue);
    }
  }
  const text = typeof value === "string" && !/[\n\r]/.test(value)
    ? value
    : JSON.stringify(withPlaceholders(value));
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}...` : text;
}

/** A value with texts in place of those that have secrets in them. */
function withPlaceholders(value: SheetValue): SheetValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withPlaceholders);
  if ("$secret" in value) return secretText(value as unknown as SecretValue);
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, withPlaceholders(each)]),
  );
}

function secretText({ $secret: { parts } }: SecretValue): string {
  const text = parts.map((part) =>
    typeof part === "string"
      ? JSON.stringify(part).slice(1, -1)
      : `‹secret ${part.name}${
        part.form === undefined ? "" : `, ${part.form}`
      }›`
  ).join("");
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}...` : text;
}

function conditionText(
  condition: SheetCondition,
  nameOf: (index: number) => string,
): string {
  switch (condition.kind) {
    case "all":
    case "any":
      return `${condition.kind} of (${
        condition.of.map((each) => conditionText(each, nameOf)).join("; ")
      })`;
    case "not":
      return `not ${conditionText(condition.of, nameOf)}`;
    case "changed":
      return `changed ${namesOf(condition.steps, nameOf)}`;
    case "path":
      return `path ${condition.is} ${condition.path}`;
    case "cmd":
      return `cmd ${condition.codes.join(",")}: ${condition.line}`;
  }
}
