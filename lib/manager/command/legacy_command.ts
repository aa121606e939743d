import { PiriError } from "../../base/errors.ts";
import { isTooDeep } from "../../base/json_depth.ts";
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

/** Translations of our operations; undefined for parameters that are in the legacy words already. */
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
