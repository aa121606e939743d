import { PiriError } from "../../base/errors.ts";
import { isTooDeep } from "../../base/json_depth.ts";
import { Limits } from "../../base/limits.ts";

/** What a Command to an agent of 2024 says. */
export interface LegacyCommand {
  readonly type: string;
  /** A JSON object: the positional list under "[args]", keywords beside it. */
  readonly data: string;
}

type Params = Readonly<Record<string, unknown>>;

interface Words {
  readonly type?: string;
  readonly args: readonly unknown[];
  readonly keywords: Params;
}

/** The key of the positional list. */
const ARGS = "[args]";

/**
 * Puts a request into the words of an agent of 2024. What is meant for such an agent already, and operations that are
 * not ours, pass as they are.
 *
 * @throws {PiriError} INVALID_ARGUMENT for parameters that are no JSON object, on which such an agent goes silent
 */
export function legacyCommand(
  operation: string,
  params: string,
): LegacyCommand {
  const given = readObject(operation, params);
  const { type = operation, args, keywords } =
    TRANSLATIONS.get(operation)?.(given) ?? { args: [], keywords: given };
  // An own "[args]" of the operator comes before the empty list.
  return { type, data: JSON.stringify({ [ARGS]: args, ...keywords }) };
}

/** How our operations are said; undefined for parameters that are those of 2024. */
const TRANSLATIONS: ReadonlyMap<string, (params: Params) => Words | undefined> =
  new Map([
    ["command.Run", runWords],
    ["echo.Echo", echoWords],
    ["file.Fetch", fetchWords],
  ]);

function runWords({ argv, ...keywords }: Params): Words | undefined {
  if (argv !== undefined) {
    return { args: [argv], keywords: { ...keywords, shell: false } };
  }
  const { shell, ...others } = keywords;
  // There `shell` says whether the command is a line for the shell.
  return typeof shell === "string"
    ? { args: [shell], keywords: { ...others, shell: true } }
    : undefined;
}

function echoWords({ text, ...keywords }: Params): Words | undefined {
  return text === undefined ? undefined : { args: [text], keywords };
}

/** There it has another name, takes these under the same names, and looks at the content's hash as ours does. */
function fetchWords({ path, source, ...keywords }: Params): Words {
  return { type: "file.Installed", args: [path, source], keywords };
}

function readObject(operation: string, params: string): Params {
  if (isTooDeep(params)) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot run "${operation}": its parameters are nested deeper than ${Limits.jsonDepth}, which is the limit`,
    );
  }
  const value = params === "" ? {} : parse(params);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return { ...value };
  }
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot run "${operation}": its parameters are not a JSON object`,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
