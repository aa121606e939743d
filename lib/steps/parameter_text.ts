import { parseDuration } from "../base/units.ts";
import type { ParameterType } from "./parameters.ts";
import type { SheetValue } from "./sheet.ts";

const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ["yes", true],
  ["no", false],
  ["on", true],
  ["off", false],
  ["true", true],
  ["false", false],
]);

/**
 * Reads the text of a scalar by the type of its parameter, as: 0644 as a mode. A text that does not fit stays as it is,
 * for the check of parameters to refuse.
 *
 * @throws {PiriError} INVALID_ARGUMENT for a duration that is none
 */
export function readParameterText(
  type: ParameterType,
  text: string,
): SheetValue {
  switch (type) {
    case "mode":
      return /^(?:0o?)?[0-7]{1,5}$/.test(text)
        ? parseInt(text.replace(/^0o/, ""), 8)
        : text;
    case "switch":
      return SWITCHES.get(text.toLowerCase()) ?? text;
    case "integer":
      return /^[+-]?\d+$/.test(text) ? Number(text) : text;
    case "duration":
      return parseDuration(text);
    case "texts":
      return [text];
    case "integers":
      return /^[+-]?\d+$/.test(text) ? [Number(text)] : text;
    default:
      return text;
  }
}
