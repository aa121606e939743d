import * as v from "valibot";
import { PiriError } from "../base/errors.ts";
import { isAbsolute, join } from "@std/path";
import { defaultFolder, environmentFor } from "./environment.ts";
import type { Operation, Outcome } from "./operation.ts";
import { type Program, type ProgramEnd, runProgram } from "./process.ts";
import { findGroup, findUser, type User } from "./user.ts";

const parameters = v.pipe(
  v.strictObject({
    argv: v.optional(v.pipe(
      v.array(v.string()),
      v.minLength(1, "Expected a program and its arguments"),
      v.description("The program and its arguments, which no shell touches"),
    )),
    shell: v.optional(v.pipe(
      v.string(),
      v.description("Instead of argv: a line for /bin/sh, on Windows for cmd"),
    )),
    cwd: v.optional(v.pipe(
      v.string(),
      v.description("The folder to start in; the user's home by default"),
    )),
    env: v.optional(v.pipe(
      v.record(v.string(), v.string()),
      v.description("Variables that are added to the default environment"),
    )),
    user: v.optional(v.pipe(
      v.string(),
      v.description(
        "Who to run as, a name or number; needs an agent that is root",
      ),
    )),
    group: v.optional(v.pipe(
      v.string(),
      v.description(
        "The group to run with, a name or number; the user's first by default",
      ),
    )),
    stdin: v.optional(v.pipe(
      v.string(),
      v.description("What the program reads; nothing by default"),
    )),
  }),
  v.check(
    ({ argv, shell }) => (argv === undefined) !== (shell === undefined),
    "it takes either argv or shell",
  ),
);

/** Runs a program. An exit code other than 0 is a failed outcome, not an error. */
export const commandRun: Operation<typeof parameters> = {
  name: "command.Run",
  description: "Runs a program, and ends its whole process tree when cancelled",
  parameters,
  async *run(params, context) {
    const user = params.user === undefined
      ? undefined
      : await findUser(params.user);
    const gid = params.group === undefined
      ? user?.gid
      : await findGroup(params.group);
    const home = defaultFolder(user);
    const cwd = params.cwd ?? home;
    const program: Program = {
      ...lineOf(params),
      cwd: isAbsolute(cwd) ? cwd : join(home, cwd),
      env: environmentFor(context.marker, { added: params.env, user }),
    };
    return outcomeOf(
      yield* runProgram({
        ...program,
        ...(params.stdin === undefined ? {} : { stdin: params.stdin }),
        ...switchTo({ user, gid }, program.argv[0]),
      }, context),
    );
  },
};

function lineOf(
  { argv, shell }: v.InferOutput<typeof parameters>,
): Pick<Program, "argv" | "rawArguments"> {
  const [name, ...args] = argv ?? [];
  if (name !== undefined) return { argv: [name, ...args] };
  const line = shell ?? "";
  if (Deno.build.os !== "windows") return { argv: ["/bin/sh", "-c", line] };
  const cmd = Deno.env.get("ComSpec") ?? "cmd.exe";
  return { argv: [cmd, `/d /s /c "${line}"`], rawArguments: true };
}

function switchTo(
  { user, gid }: { user: User | undefined; gid: number | undefined },
  name: string,
): Pick<Program, "user"> {
  const [ownUid, ownGid] = [Deno.uid(), Deno.gid()];
  const uid = user?.uid ?? ownUid;
  // The agent's own user also has the agent's own group, unless another group is asked for.
  if (uid === ownUid && (gid === undefined || gid === user?.gid)) return {};
  if (uid === null || gid === undefined) return {};
  if (uid === ownUid && gid === ownGid) return {};
  if (ownUid !== 0) {
    throw new PiriError(
      "NOT_STARTED",
      `Cannot start "${name}" as ${
        user === undefined ? `group ${gid}` : `"${user.name}"`
      }: the agent does not run as root`,
    );
  }
  return { user: { uid, gid } };
}

function outcomeOf(
  { exitCode, signal, reaped, outputCut }: ProgramEnd,
): Outcome {
  const success = exitCode === 0;
  const sentences = [
    ...(success ? [] : [howItEnded(exitCode, signal)]),
    ...(outputCut
      ? ["What it left running held its output until that was closed"]
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

function howItEnded(exitCode?: number, signal?: string): string {
  if (signal !== undefined) return `The program was ended by ${signal}`;
  if (exitCode === undefined) return "The program could not be ended";
  return `The program ended with exit code ${exitCode}`;
}
