import * as v from "valibot";
import { PiriError } from "../base/errors.ts";
import type { Sealed } from "../base/sealed.ts";
import type { OperationContext } from "./operation.ts";
import type { Program, ProgramUser } from "./program.ts";
import { removeSecretFolder, writeSecretFiles } from "./secret_files.ts";

const variable = v.pipe(
  v.string(),
  v.regex(/^[^=\0]+$/, 'Expected a name of a variable, without "="'),
);

const secretName = v.pipe(
  v.string(),
  v.regex(
    /^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/,
    "Expected the name of a secret",
  ),
);

const Secrets = v.object({
  secret_env: v.optional(v.pipe(
    v.record(variable, secretName),
    v.description("Variables whose values are secrets, by their names"),
  )),
  secret_stdin: v.optional(v.pipe(
    secretName,
    v.description("Instead of stdin: the name of a secret"),
  )),
  secret_files: v.optional(v.pipe(
    v.record(variable, secretName),
    v.description(
      "Variables with the path of a file that holds a secret while the program runs, by the name of the secret",
    ),
  )),
});

/** Parameters that name secrets. The values reach the program alone. */
export const SECRET_PARAMETERS = Secrets.entries;

/** Values of these parameters. */
export type SecretParams = v.InferOutput<typeof Secrets>;

/** Names of all secrets in parameters, each once. */
export function secretNames(params: SecretParams): string[] {
  const { secret_env: env, secret_stdin: stdin, secret_files: files } = params;
  return [
    ...new Set([
      ...Object.values(env ?? {}),
      ...stdin === undefined ? [] : [stdin],
      ...Object.values(files ?? {}),
    ]),
  ];
}

/** True if a variable would have two values. */
export function setsTwice(
  { env, secret_env: secrets, secret_files: files }: SecretParams & {
    readonly env?: Readonly<Record<string, string>> | undefined;
  },
): boolean {
  const names = [env, secrets, files].flatMap((each) =>
    Object.keys(each ?? {})
  );
  return new Set(names).size < names.length;
}

/** Secrets of a program that is about to run. Disposed of, the files with them are gone. */
export class ProgramSecrets implements AsyncDisposable {
  /** Variables with secrets, and with the paths of files that hold some. */
  readonly env: Readonly<Record<string, string>>;
  readonly input: Pick<Program, "stdin">;
  readonly #clean: () => Promise<void>;

  private constructor(
    env: Readonly<Record<string, string>>,
    input: Pick<Program, "stdin">,
    clean: () => Promise<void>,
  ) {
    this.env = env;
    this.input = input;
    this.#clean = clean;
  }

  /**
   * Fetches the secrets that parameters name.
   *
   * @throws {PiriError} as `OperationContext.secret`; INVALID_ARGUMENT for one that no variable can hold; DENIED, DISK
   */
  static async fetch(
    params: SecretParams,
    context: Pick<OperationContext, "marker" | "secret">,
    user: ProgramUser | undefined,
  ): Promise<ProgramSecrets> {
    const { secret_env: variables, secret_stdin: input } = params;
    const secrets = new Map<string, Sealed>();
    for (const name of secretNames(params)) {
      secrets.set(name, await context.secret(name));
    }
    const sealed = (name: string) => secrets.get(name) as Sealed;
    const env = Object.fromEntries(
      Object.entries(variables ?? {})
        .map(([variable, name]) => [variable, valueOf(name, sealed(name))]),
    );
    const stdin = input === undefined ? {} : { stdin: sealed(input).open() };
    if (params.secret_files === undefined) {
      return new ProgramSecrets(env, stdin, async () => {});
    }
    const files = new Map(
      Object.entries(params.secret_files)
        .map(([variable, name]) => [variable, sealed(name)]),
    );
    const { marker } = context;
    const paths = await writeSecretFiles(marker, files, user);
    return new ProgramSecrets(
      { ...env, ...paths },
      stdin,
      () => removeSecretFolder(marker),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clean();
  }
}

/** Value of a variable: a text without NUL, which no variable can hold. */
function valueOf(name: string, secret: Sealed): string {
  const value = secret.open();
  if (!value.includes("\0")) return value;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot put the secret "${name}" into a variable: it has a NUL character`,
  );
}
