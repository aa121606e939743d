import { PiriError } from "../../base/errors.ts";
import { checkSecret, givenName } from "../../base/masking/secret_text.ts";
import { Sealed } from "../../base/sealed.ts";
import { HintedError } from "../errors.ts";
import { askSecret, secretText } from "../secret_prompt.ts";
import type { Terminal } from "../terminal.ts";

/** Flags of `run` for secrets. */
export const SECRET_FLAGS = {
  "secret-env": {
    type: "repeated",
    value: "VAR=SECRET",
    summary:
      'variable of the program with a secret: the name of a stored one, "-" to type it, env:NAME or file:PATH here',
  },
  "secret-stdin": {
    type: "string",
    value: "SECRET",
    summary: "secret that the program reads from standard input",
  },
  "secret-file": {
    type: "repeated",
    value: "VAR=SECRET",
    summary:
      "variable with the path of a file that holds a secret while the program runs",
  },
} as const;

/** Values of these flags. */
export interface SecretFlags {
  readonly "secret-env": readonly string[];
  readonly "secret-stdin": string | undefined;
  readonly "secret-file": readonly string[];
}

/** Secrets of a request. */
export interface AskedSecrets {
  /** Parameters of the operation that name them. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Values of those that are not stored, by name. */
  readonly given: ReadonlyMap<string, Sealed>;
}

/** Place where the value of a secret is, as a flag names it. */
interface Place {
  /** Flag and what it was given, for messages. */
  readonly flag: string;
  /** Variable; empty for standard input. */
  readonly variable: string;
  readonly source: string;
}

/** Number of secrets that are read from standard input, which can be read once. */
export function stdinSecrets(
  flags: SecretFlags,
  { hasKeyboard }: Pick<Terminal, "hasKeyboard">,
): number {
  if (hasKeyboard) return 0;
  return placesOf(flags).filter(({ source }) => source === "-").length;
}

/**
 * Reads the secrets in the flags: asks for those that are typed.
 *
 * @throws {PiriError} INVALID_ARGUMENT, NOT_FOUND, DENIED, DISK, CANCELLED; never with a part of a secret
 */
export async function secretsOf(
  flags: SecretFlags,
  { terminal, op }: {
    readonly terminal: Terminal;
    readonly op: string | undefined;
  },
): Promise<AskedSecrets> {
  const given = new Map<string, Sealed>();
  const places = placesOf(flags);
  const [first] = places;
  if (first !== undefined && op !== undefined) {
    throw wrong(`--${first.flag} goes with a program, and not with --op`);
  }
  const env: Record<string, string> = {};
  const files: Record<string, string> = {};
  let stdin: string | undefined;
  for (const place of places) {
    const { flag, variable, source } = place;
    const name = givenName(variable === "" ? "stdin" : variable);
    const secret = await readSecret(place, terminal);
    if (secret !== undefined) {
      checkSecret(secret.open(), `the secret of --${flag}`);
      given.set(name, secret);
    }
    const named = secret === undefined ? source : name;
    if (flag === "secret-env") env[variable] = named;
    else if (flag === "secret-file") files[variable] = named;
    else stdin = named;
  }
  return {
    given,
    params: {
      ...flags["secret-env"].length === 0 ? {} : { secret_env: env },
      ...stdin === undefined ? {} : { secret_stdin: stdin },
      ...flags["secret-file"].length === 0 ? {} : { secret_files: files },
    },
  };
}

function placesOf(flags: SecretFlags): Place[] {
  const stdin = flags["secret-stdin"];
  const places = [
    ...flags["secret-env"].map((word) => placeOf("secret-env", word)),
    ...stdin === undefined
      ? []
      : [{ flag: "secret-stdin", variable: "", source: stdin }],
    ...flags["secret-file"].map((word) => placeOf("secret-file", word)),
  ];
  const names = places.map(({ variable }) => variable);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice === undefined) return places;
  throw wrong(`the variable "${twice}" is given twice`);
}

function placeOf(flag: string, word: string): Place {
  const end = word.indexOf("=");
  // The word may be the secret itself.
  if (end < 1 || end === word.length - 1) {
    throw new HintedError(
      "INVALID_ARGUMENT",
      `Cannot run: a --${flag} is not VAR=SECRET`,
      `as in: --${flag} TOKEN=deploy-token, --${flag} TOKEN=-, --${flag} TOKEN=env:TOKEN`,
    );
  }
  return { flag, variable: word.slice(0, end), source: word.slice(end + 1) };
}

/** Secret of a source; undefined for the name of a stored one. */
async function readSecret(
  { flag, variable, source }: Place,
  terminal: Terminal,
): Promise<Sealed | undefined> {
  if (source === "-") {
    const what = variable === "" ? "standard input" : `"${variable}"`;
    return await askSecret(`Secret for ${what}`, terminal);
  }
  const [, kind, where = ""] = /^(env|file):(.+)$/s.exec(source) ?? [];
  if (kind === "env") {
    const value = terminal.env(where);
    if (value !== undefined) return new Sealed(value);
    throw new PiriError(
      "NOT_FOUND",
      `Cannot run: there is no variable "${where}" here, which --${flag} names`,
    );
  }
  if (kind === "file") {
    const bytes = await terminal.readFile(where);
    // A program that reads a file expects the last line end, too.
    return new Sealed(
      flag === "secret-env"
        ? secretText(bytes, `"${where}"`)
        : exactText(bytes, where),
    );
  }
  return undefined;
}

function exactText(bytes: Uint8Array, where: string): string {
  const text = secretText(bytes, `"${where}"`);
  const ending = new TextDecoder().decode(bytes.subarray(-2));
  return text + (/\r?\n$/.exec(ending)?.[0] ?? "");
}

function wrong(what: string): PiriError {
  return new PiriError("INVALID_ARGUMENT", `Cannot run: ${what}`);
}
