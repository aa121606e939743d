import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import { unfoldNames } from "../../targets/fold_names.ts";
import { namesIn } from "../../targets/names_in.ts";
import { parseTargets } from "../../targets/parse_targets.ts";
import { excerpt, TargetError } from "../../targets/target_error.ts";
import { HintedError } from "../errors.ts";

/** Most places that an error names. */
const MAX_PLACES = 5;

/** A target expression, and where it was given. */
export interface PlacedTargets {
  readonly expression: string;
  /** Place for people, as: line 3 of "hosts.txt". */
  readonly place: string;
}

/** Error about targets that names where they were given, if that is not clear: in a file, or one of several. */
export function placedError(
  error: unknown,
  { wanted, exclude, isClear }: {
    readonly wanted: readonly PlacedTargets[];
    readonly exclude: readonly PlacedTargets[];
    /** True if there is one expression only, which was typed. */
    readonly isClear: boolean;
  },
): unknown {
  if (isClear || !(error instanceof PiriError)) return error;
  const message = messageOf(error);
  for (const list of [wanted, exclude]) {
    const placed = mistakeIn(list, message) ?? unknownIn(list, message);
    if (placed !== undefined) return withMessage(error, placed);
  }
  return error;
}

/** Error about one expression, which names its place. */
export function errorAt(error: unknown, place: string): unknown {
  const message = messageOf(error);
  const placed = message.replace(
    /^(Cannot (?:find|read) the targets "[^"]*")/,
    `$1 in ${place}`,
  );
  return placed === message ? error : withMessage(error, placed);
}

function withMessage(error: unknown, message: string): PiriError {
  const code = codeOf(error);
  return error instanceof HintedError
    ? new HintedError(code, message, error.hint, { cause: error })
    : new PiriError(code, message, { cause: error });
}

/** Message for an expression that cannot be read; undefined if it is about something else. */
function mistakeIn(
  list: readonly PlacedTargets[],
  message: string,
): string | undefined {
  const start = "Cannot read the targets ";
  if (list.length === 0 || !message.startsWith(start)) return undefined;
  try {
    parseTargets(list.map(({ expression }) => expression));
    return undefined;
  } catch (error) {
    // A Manager of another version may find fault with something else.
    if (!(error instanceof TargetError) || error.message !== message) {
      return undefined;
    }
    const at = list.find(({ expression }) => expression === error.expression);
    return at && `${start}in ${at.place}, ${message.slice(start.length)}`;
  }
}

/** Message for names, groups and facts that are not there; undefined if it is about something else. */
function unknownIn(
  list: readonly PlacedTargets[],
  message: string,
): string | undefined {
  const text = list.map(({ expression }) => expression).join(",");
  const start = `Cannot find the targets "${excerpt(text)}": `;
  if (list.length === 0 || !message.startsWith(start)) return undefined;
  const facts = message.slice(start.length);
  const names = namesOf(facts.replaceAll(/, did you mean [^?]*\?/g, ""));
  const places = list.filter(({ expression }) => hasAny(expression, names))
    .map(({ place }) => place);
  if (places.length === 0) return undefined;
  const more = places.length - MAX_PLACES;
  return `Cannot find the targets in ${places.slice(0, MAX_PLACES).join(", ")}${
    more > 0 ? ` and ${more} more places` : ""
  }: ${facts}`;
}

/** Names that an error tells of, in quotes or folded. */
function namesOf(facts: string): ReadonlySet<string> {
  const quoted = [...facts.matchAll(/"([^"]+)"/g)].map(([, name = ""]) => name);
  const folded = facts.split("; ").flatMap((fact) => {
    const [, names] = /^there are no agents (.+)$/.exec(fact) ??
      /^(.+) are (?:retired|revoked|not joined)$/.exec(fact) ?? [];
    try {
      return names === undefined ? [] : unfoldNames(names);
    } catch {
      return []; // cut, as there are very many
    }
  });
  return new Set([...quoted, ...folded]);
}

function hasAny(expression: string, names: ReadonlySet<string>): boolean {
  const words = expression.split(/[\s,&!()@=<>"']+/);
  if (words.some((word) => names.has(word))) return true;
  try {
    return !namesIn(parseTargets([expression])).isDisjointFrom(names);
  } catch {
    return false;
  }
}
