import { messageOf, PiriError } from "../base/errors.ts";
import { isBusyFile, startWhenFree } from "./busy_file.ts";
import { withGroupsOf } from "./credentials.ts";
import { isFolder } from "./environment.ts";
import type { Program } from "./program.ts";
import { SHELL, shellArguments } from "./shell_start.ts";
import { obstacleTo } from "./start_obstacle.ts";
import { withTimerSlack } from "./timer_slack.ts";

/**
 * Starts a program in a session of its own.
 *
 * @throws {PiriError} NOT_STARTED
 */
export function startProgram(
  program: Program,
  timerSlack: number | undefined,
): Deno.ChildProcess {
  const { argv: [name, ...args], argvBytes, umask, user } = program;
  const byShell = argvBytes !== undefined || umask !== undefined;
  // The shell would report these only as an exit code and on stderr.
  const obstacle = byShell || !isFolder(program.cwd)
    ? obstacleTo(program)
    : undefined;
  if (obstacle !== undefined) throw notStarted(name, obstacle);
  const command = byShell
    ? commandOf(program, SHELL, shellArguments(program))
    : commandOf(program, name, args);
  const spawn = () => startWhenFree(() => command.spawn());
  const withSlack = timerSlack === undefined
    ? spawn
    : () => withTimerSlack(timerSlack, spawn);
  try {
    return user !== undefined && Deno.build.os === "linux"
      ? withGroupsOf(user, withSlack)
      : withSlack();
  } catch (error) {
    if (error instanceof PiriError) throw error;
    throw notStarted(name, obstacleTo(program) ?? reasonOf(error), error);
  }
}

function commandOf(
  { cwd, env, user, stdin, rawArguments }: Program,
  name: string,
  args: readonly string[],
): Deno.Command {
  return new Deno.Command(name, {
    args: [...args],
    cwd,
    env,
    clearEnv: true,
    // On Windows, detached would open a console for each program.
    detached: Deno.build.os !== "windows",
    windowsRawArguments: rawArguments ?? false,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    ...identityOf(user),
  });
}

function identityOf(user: Program["user"]): { uid?: number; gid?: number } {
  if (user === undefined) return {};
  // On Linux the child has its groups from the thread that starts it, and root needs no change of its id.
  if (Deno.build.os !== "linux") return { uid: user.uid, gid: user.gid };
  return user.uid === Deno.uid() ? {} : { uid: user.uid };
}

function notStarted(name: string, why: string, cause?: unknown): PiriError {
  return new PiriError("NOT_STARTED", `Cannot start "${name}": ${why}`, {
    cause,
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such program";
  if (error instanceof Deno.errors.PermissionDenied) {
    return "permission was denied, perhaps by a mount option or a security module of the host";
  }
  if (isBusyFile(error)) {
    return "its file is open for writing; wait until it is complete";
  }
  return messageOf(error);
}
