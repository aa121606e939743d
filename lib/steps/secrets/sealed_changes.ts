import type { Change } from "../step_operation.ts";
import { bare, type ShownLine } from "./shown_lines.ts";

/** Text in place of a value that may be, or may have been, a secret. */
const NOT_SHOWN = "(not shown)";

const ABSENT = "(absent)";

/** Size and hash of a content, as changes of contents tell them. */
const SUMMARY = /^\d+ bytes, [0-9a-f]+$/;

/** Knowledge of the secrets in a step. */
export interface StepSecrets {
  /** Lines that may be shown; see `shownLines`. */
  readonly lines: ReadonlyMap<string, ShownLine>;
  /** Parameters that have secrets in them, and the placeholders of these. */
  readonly places: ReadonlyMap<string, string>;
  /** True for a text with one of the secrets in it. */
  hasSecret(text: string): boolean;
}

/**
 * A change without anything that is, or was, secret. Lines of a content are shown if they are in the sheet, with
 * placeholders for secrets; of all others only their number is.
 */
export function sealedChange(change: Change, secrets: StepSecrets): Change {
  const { what, from, to, lines, text } = change;
  const isContent = what === "content" || lines !== undefined ||
    text !== undefined || SUMMARY.test(from ?? "") || SUMMARY.test(to ?? "");
  const place = secrets.places.get(what);
  const isSecret = isContent || place !== undefined ||
    [from, to].some((each) => each !== undefined && secrets.hasSecret(each));
  if (!isSecret) return change;
  const placeholders = place ?? [...new Set(secrets.places.values())].join("");
  return {
    what,
    ...from === undefined ? {} : { from: from === ABSENT ? ABSENT : NOT_SHOWN },
    ...to === undefined
      ? {}
      : { to: to === ABSENT ? ABSENT : placeholders || NOT_SHOWN },
    ...lines === undefined ? {} : { lines },
    ...text === undefined ? {} : { text: sealedPatch(text, secrets.lines) },
  };
}

/** A patch whose lines may all be shown. */
function sealedPatch(
  patch: string,
  shown: ReadonlyMap<string, ShownLine>,
): string {
  const lines: string[] = [];
  let hidden = { mark: "", count: 0 };
  const tell = () => {
    const { mark, count } = hidden;
    if (count > 0) {
      lines.push(`${mark}‹${count} ${count === 1 ? "line" : "lines"}›`);
    }
    hidden = { mark: "", count: 0 };
  };
  const hide = (mark: string) => {
    if (hidden.mark !== mark) tell();
    hidden = { mark, count: hidden.count + 1 };
  };
  let isInside = false;
  for (const line of patch.split("\n")) {
    const mark = line.slice(0, 1);
    if (mark === "@") isInside = true;
    if (!isInside || mark === "@") {
      tell();
      lines.push(line);
      continue;
    }
    if (mark === "-") hide(mark);
    if (mark !== "+") continue;
    const text = shown.get(bare(line.slice(1)));
    if (text === undefined) {
      hide(mark);
    } else if (text !== null) {
      tell();
      lines.push(`+${text}`);
    }
  }
  tell();
  return lines.map((line) => `${line}\n`).join("");
}
