import * as v from "valibot";
import { decodeBase64 } from "@std/encoding/base64";
import { isAbsolute, join } from "@std/path";
import { SHA256_PATTERN } from "../base/blob.ts";
import { PiriError } from "../base/errors.ts";
import { joint } from "../base/signals.ts";
import { UMASK, VARIABLE } from "../steps/program_words.ts";
import { defaultFolder, environmentFor } from "./environment.ts";
import { blobPieces } from "./blob_reader.ts";
import type { Operation, OperationContext, Outcome } from "./operation.ts";
import { type ProgramEnd, runProgram } from "./process.ts";
import type { Program, ProgramUser } from "./program.ts";
import { textOf } from "./shell_start.ts";
import { formatFlaw } from "./start_obstacle.ts";
import {
  ProgramSecrets,
  SECRET_PARAMETERS,
  secretNames,
  setsTwice,
} from "./program_secrets.ts";
import { survive, takeUp } from "./surviving/survive.ts";
import type { Surroundings } from "./surroundings.ts";
import { findGroup, findUser, groupsOf, ownUser, type User } from "./user.ts";

/** Exit codes of a shell that was given a file which is no script. */
const NO_SCRIPT: readonly (number | undefined)[] = [2, 126, 127];

const unicode = v.pipe(
  v.string(),
  v.check(
    (text) => text.isWellFormed(),
    "Expected Unicode text, and it has half of a surrogate pair; argv_base64 takes any bytes",
  ),
);

const word = v.pipe(
  unicode,
  v.check(
    (text) => !text.includes("\0"),
    "Expected text without a NUL character, which no program can be given",
  ),
);

const account = v.pipe(word, v.nonEmpty("Expected a name or a number"));

/** True if this is base64 of bytes with a NUL among them. */
function hasNul(text: string): boolean {
  try {
    return decodeBase64(text).includes(0);
  } catch {
    return false;
  }
}

const parameters = v.pipe(
  v.strictObject({
    argv: v.optional(v.pipe(
      v.array(word),
      v.minLength(1, "Expected a program and its arguments"),
      v.description("The program and its arguments, which no shell touches"),
    )),
    argv_base64: v.optional(v.pipe(
      v.array(v.pipe(
        v.string(),
        v.base64("Expected base64"),
        v.check(
          (text) => !hasNul(text),
          "Expected bytes without NUL, which no program can be given",
        ),
      )),
      v.minLength(1, "Expected a program and its arguments"),
      v.description(
        "Instead of argv: the same as bytes in base64, for what is not UTF-8",
      ),
    )),
    shell: v.optional(v.pipe(
      word,
      v.description("Instead of argv: a line for /bin/sh, on Windows for cmd"),
    )),
    cwd: v.optional(v.pipe(
      word,
      v.description("The folder to start in; the user's home by default"),
    )),
    env: v.optional(v.pipe(
      v.record(
        v.pipe(
          word,
          v.regex(VARIABLE, 'Expected a name of a variable, without "="'),
        ),
        word,
      ),
      v.description("Variables that are added to the default environment"),
    )),
    user: v.optional(v.pipe(
      account,
      v.description(
        "Who to run as, a name or number; needs an agent that is root",
      ),
    )),
    group: v.optional(v.pipe(
      account,
      v.description(
        "The group to run with, a name or number; the user's first by default",
      ),
    )),
    umask: v.optional(v.pipe(
      v.string(),
      v.regex(
        UMASK,
        "Expected an octal number from 000 to 777, as 027",
      ),
      v.description(
        "Mask of new files in octal, as 027; that of the agent's configuration by default",
      ),
    )),
    stdin: v.optional(v.pipe(
      unicode,
      v.description("What the program reads; nothing by default"),
    )),
    stdin_blob: v.optional(v.pipe(
      v.string(),
      v.regex(SHA256_PATTERN, "Expected a SHA-256 in 64 hex digits"),
      v.description(
        "Instead of stdin: a blob of the Manager by its SHA-256; run --stdin sends one",
      ),
    )),
    ...SECRET_PARAMETERS,
  }),
  v.check(
    ({ argv, argv_base64, shell }) =>
      [argv, argv_base64, shell].filter((way) => way !== undefined).length ===
        1,
    "it takes exactly one of argv, argv_base64 and shell",
  ),
  v.check(
    ({ stdin, stdin_blob, secret_stdin }) =>
      [stdin, stdin_blob, secret_stdin].filter((input) => input !== undefined)
        .length <= 1,
    "it takes one of stdin, stdin_blob and secret_stdin",
  ),
  v.check(
    (params) => !setsTwice(params),
    "a variable is in two of env, secret_env and secret_files",
  ),
);

type Params = v.InferOutput<typeof parameters>;

/** Runs a program. An exit code other than 0 is a failed outcome, not an error. */
export const commandRun: Operation<typeof parameters> = {
  name: "command.Run",
  description: "Runs a program, and ends its whole process tree when cancelled",
  parameters,
  waits: true,
  acts: true,
  runsPrograms: true,
  blobs: ({ stdin_blob: sha256 }) =>
    sha256 === undefined ? [] : [{ sha256, isTree: false }],
  secrets: secretNames,
  async *run(params, context) {
    const { surroundings, survival } = context;
    if (survival === "taken up") return outcomeOf(yield* takeUp(context));
    if (survival !== undefined) requireNoSecrets(params);
    const user = params.user === undefined
      ? undefined
      : await findUser(params.user);
    const line = lineOf(params);
    const own = await ownUser();
    const home = defaultFolder(user ?? own);
    const cwd = params.cwd ?? home;
    const who = await switchTo(params, { user, own, name: line.argv[0] });
    await using secrets = await ProgramSecrets.fetch(params, context, who.user);
    const program: Program = {
      ...line,
      cwd: isAbsolute(cwd) ? cwd : join(home, cwd),
      env: environmentFor(context.marker, {
        added: { ...params.env, ...secrets.env },
        user: user ?? own,
        surroundings,
      }),
      ...umaskOf(params, surroundings),
      ...inputOf(params, context),
      ...secrets.input,
      ...who,
    };
    const end =
      yield* (survival === undefined
        ? runProgram(program, context)
        : survive(program, context));
    const flaw = NO_SCRIPT.includes(end.exitCode)
      ? formatFlaw(program)
      : undefined;
    return outcomeOf(end, flaw);
  },
};

/** @throws {PiriError} INVALID_ARGUMENT */
function requireNoSecrets(params: Params): void {
  const [secret] = secretNames(params);
  if (secret === undefined) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot let a program with the secret "${secret}" outlive the agent: nobody would mask it in its output`,
  );
}

function inputOf(
  { stdin, stdin_blob: sha256 }: Params,
  { data, signal }: OperationContext,
): Pick<Program, "stdin"> {
  if (stdin !== undefined) return { stdin };
  if (sha256 === undefined) return {};
  return {
    stdin: async function* (over) {
      using end = joint([signal, over]);
      yield* blobPieces(sha256, { data, signal: end.signal });
    },
  };
}

function lineOf(
  { argv, argv_base64: encoded, shell = "" }: Params,
): Pick<Program, "argv" | "argvBytes" | "rawArguments"> {
  if (argv !== undefined) return wordsOf(argv);
  if (encoded !== undefined) return bytesOf(encoded);
  if (Deno.build.os !== "windows") return { argv: ["/bin/sh", "-c", shell] };
  const cmd = Deno.env.get("ComSpec") ?? "cmd.exe";
  return { argv: [cmd, `/d /s /c "${shell}"`], rawArguments: true };
}

function wordsOf([name = "", ...args]: readonly string[]) {
  return { argv: [name, ...args] } as const;
}

function bytesOf(
  encoded: readonly string[],
): Pick<Program, "argv" | "argvBytes"> {
  const argvBytes = encoded.map((text) => decodeBase64(text));
  const words = argvBytes.map(textOf).filter((text) => text !== undefined);
  if (words.length === argvBytes.length) return wordsOf(words);
  if (Deno.build.os === "windows") {
    throw new PiriError(
      "UNSUPPORTED",
      "Cannot pass bytes that are not UTF-8: on Windows arguments are text",
    );
  }
  const decoder = new TextDecoder();
  return {
    ...wordsOf(argvBytes.map((bytes) => decoder.decode(bytes))),
    argvBytes,
  };
}

/** Mask of new files, if it is another than the one that the program inherits. */
function umaskOf(
  { umask }: Params,
  surroundings: Surroundings,
): Pick<Program, "umask"> {
  if (Deno.build.os === "windows") {
    if (umask === undefined) return {};
    throw new PiriError(
      "UNSUPPORTED",
      `Cannot set the umask ${umask}: Windows has none; leave it out`,
    );
  }
  const wanted = umask === undefined ? surroundings.umask : parseInt(umask, 8);
  return wanted === surroundings.inheritedUmask ? {} : { umask: wanted };
}

/** User and group to switch to, if the command asks for any. */
async function switchTo(
  { group }: Params,
  { user, own, name }: {
    readonly user: User | undefined;
    readonly own: User | undefined;
    readonly name: string;
  },
): Promise<{ user?: ProgramUser }> {
  const gid = group === undefined ? user?.gid : await findGroup(group);
  const [ownUid, ownGid] = [Deno.uid(), Deno.gid()];
  if (gid === undefined || ownUid === null) return {};
  if (ownUid !== 0) {
    const same = (user === undefined || user.uid === ownUid) &&
      (gid === ownGid || (group === undefined && gid === user?.gid));
    if (same) return {};
    throw new PiriError(
      "NOT_STARTED",
      `Cannot start "${name}" as ${
        user === undefined ? `group ${gid}` : `"${user.name}"`
      }: the agent does not run as root; leave the user and the group out, or run the agent as root`,
    );
  }
  const who = user ?? own ??
    { name: String(ownUid), uid: ownUid, gid: ownGid ?? 0 };
  const groups = new Set([gid, ...await groupsOf(who)]);
  return { user: { name: who.name, uid: who.uid, gid, groups: [...groups] } };
}

function outcomeOf(
  { exitCode, signal, reaped, outputCut, outputDropped, maybeSignal }:
    ProgramEnd,
  flaw?: string,
): Outcome {
  const success = exitCode === 0;
  const sentences = [
    ...(success ? [] : [howItEnded({ exitCode, signal, maybeSignal })]),
    ...(flaw === undefined ? [] : [flaw]),
    ...(outputCut
      ? ["What it left running held its output until that was closed"]
      : []),
    ...(outputDropped
      ? ["The disk was full, and some of its output was dropped"]
      : []),
  ];
  return {
    success,
    changed: true,
    message: sentences.join(". "),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(reaped === undefined ? {} : { reaped }),
  };
}

function howItEnded(
  { exitCode, signal, maybeSignal }: {
    readonly exitCode: number | undefined;
    readonly signal: string | undefined;
    readonly maybeSignal: string | undefined;
  },
): string {
  if (signal !== undefined) return `The program was ended by ${signal}`;
  if (exitCode === undefined) return "The program could not be ended";
  const words = `The program ended with exit code ${exitCode}`;
  return maybeSignal === undefined
    ? words
    : `${words}, which may stand for ${maybeSignal}`;
}
