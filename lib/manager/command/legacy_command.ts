import { PiriError } from "../../base/errors.ts";
import { isTooDeep } from "../../base/json_depth.ts";
import { jsonObject } from "../../base/json_object.ts";
import { Limits } from "../../base/limits.ts";

/** Type and data of a Command to a legacy agent. */
export interface LegacyCommand {
  readonly type: string;
  /** JSON object: the positional list under "[args]", keywords beside it. */
  readonly data: string;
}

type Params = Readonly<Record<string, unknown>>;

interface Words {
  readonly type?: string;
  readonly args: readonly unknown[];
  readonly keywords: Params;
}

/** Key of the positional list. */
const ARGS = "[args]";

/**
 * Translates a request into the words of a legacy agent. Requests that use these words already, and unknown operations,
 * pass unchanged.
 *
 * @throws {PiriError} INVALID_ARGUMENT for parameters that are not a JSON object: a legacy agent would go silent on
 * them; UNSUPPORTED for what no legacy agent can do
 */
export function legacyCommand(
  operation: string,
  params: string,
): LegacyCommand {
  const given = readObject(operation, params);
  const { type = operation, args, keywords } =
    TRANSLATIONS.get(operation)?.(given) ?? { args: [], keywords: given };
  // The operator's own "[args]" replaces the empty list.
  return { type, data: JSON.stringify({ [ARGS]: args, ...keywords }) };
}

/** Parameters of command.Run that legacy agents do not have, with the next step. */
const UNKNOWN_TO_LEGACY: ReadonlyMap<string, string> = new Map([
  ["argv_base64", "give argv, or a shell line with the bytes in printf"],
  ["umask", "set it within a shell line"],
]);

/** Translations of our operations; undefined for parameters that are in the legacy words already. */
const TRANSLATIONS: ReadonlyMap<string, (params: Params) => Words | undefined> =
  new Map([
    ["command.Run", runWords],
    ["echo.Echo", echoWords],
    ["file.Fetch", fetchWords],
  ]);

function runWords({ argv, ...keywords }: Params): Words | undefined {
  for (const [name, instead] of UNKNOWN_TO_LEGACY) {
    if (keywords[name] === undefined) continue;
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot run "command.Run": a legacy agent has no parameter "${name}"; ${instead}`,
    );
  }
  if (argv !== undefined) {
    return { args: [argv], keywords: { ...keywords, shell: false } };
  }
  const { shell, ...others } = keywords;
  // A legacy `shell` is a flag: the command is a line for the shell.
  return typeof shell === "string"
    ? { args: [shell], keywords: { ...others, shell: true } }
    : undefined;
}

function echoWords({ text, ...keywords }: Params): Words | undefined {
  return text === undefined ? undefined : { args: [text], keywords };
}

/** A legacy agent calls it file.Installed. Keywords have the same names, and it compares content by hash as ours does. */
function fetchWords({ path, source, parents, ...keywords }: Params): Words {
  if (parents === true || parents === "true") {
    throw new PiriError(
      "UNSUPPORTED",
      'Cannot run "file.Fetch": legacy agents make no parent folders; make the folder first, and leave out "parents"',
    );
  }
  return { type: "file.Installed", args: [path, source], keywords };
}

function readObject(operation: string, params: string): Params {
  if (isTooDeep(params)) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot run "${operation}": its parameters are nested deeper than ${Limits.jsonDepth}, which is the limit`,
    );
  }
  const value = params === "" ? {} : jsonObject(params);
  if (value !== undefined) return value;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot run "${operation}": its parameters are not a JSON object`,
  );
}
