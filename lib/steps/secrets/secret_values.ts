import { PiriError } from "../../base/errors.ts";
import type { SecretValue, SheetStep, SheetValue } from "../sheet.ts";
import { inForm, SECRET_FORMS, type SecretForm } from "./secret_form.ts";

/** Part of a text with secrets: a text, or a reference. */
export type SecretPart = SecretValue["$secret"]["parts"][number];

/** Reference to a secret. */
export type SecretReference = Exclude<SecretPart, string>;

/** Values of secrets by their names. */
export type SecretTexts = ReadonlyMap<string, string>;

/** The parts of a text with secrets; undefined for any other value. */
export function partsOf(
  value: SheetValue | undefined,
): readonly SecretPart[] | undefined {
  if (!isMap(value) || !Object.hasOwn(value, "$secret")) return undefined;
  const { parts } = (value as unknown as SecretValue).$secret ?? {};
  return Array.isArray(parts) && parts.every(isPart) &&
      Object.keys(value).length === 1
    ? parts
    : undefined;
}

/** True for a map that is to be a text with secrets, even where it is a damaged one. */
export function isSealed(value: SheetValue | undefined): boolean {
  return isMap(value) && Object.hasOwn(value, "$secret");
}

/** References to secrets in a value, in their order. */
export function referencesIn(
  value: SheetValue | undefined,
): readonly SecretReference[] {
  const parts = partsOf(value);
  if (parts !== undefined) {
    return parts.filter((part) => typeof part !== "string");
  }
  return typeof value === "object" && value !== null
    ? Object.values(value).flatMap(referencesIn)
    : [];
}

/** Names of the secrets that steps name, each once, with the keyed hashes of their values. */
export function secretsOfSteps(
  steps: readonly Pick<SheetStep, "params">[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { params } of steps) {
    for (const { name, mac } of referencesIn(params)) {
      found.set(name, (found.get(name) ?? new Set()).add(mac));
    }
  }
  return found;
}

/** A value with the secrets in it. */
export function filled(value: SheetValue, texts: SecretTexts): SheetValue {
  const parts = partsOf(value);
  if (parts !== undefined) {
    return parts.map((part) => textOf(part, texts)).join("");
  }
  if (Array.isArray(value)) return value.map((each) => filled(each, texts));
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, filled(each, texts)]),
  );
}

/** Text of a part. */
export function textOf(part: SecretPart, texts: SecretTexts): string {
  if (typeof part === "string") return part;
  const { name, form } = part;
  const text = texts.get(name);
  if (text === undefined) {
    throw new PiriError("INTERNAL", `Cannot find the secret "${name}"`);
  }
  return form === undefined ? text : inForm(text, form);
}

/** Text that stands for a secret where people read. */
export function placeholderOf(name: string): string {
  return `‹secret ${name}›`;
}

function isPart(part: unknown): part is SecretPart {
  if (typeof part === "string") return true;
  if (typeof part !== "object" || part === null) return false;
  const { name, mac, form } = part as Partial<SecretReference>;
  return typeof name === "string" && typeof mac === "string" &&
    (form === undefined || SECRET_FORMS.includes(form as SecretForm));
}

function isMap(
  value: SheetValue | undefined,
): value is { readonly [key: string]: SheetValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
