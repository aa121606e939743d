import type { StepProgram } from "../steps/host/host.ts";

/** Variable that marks a program which must not be ended half done. */
const VARIABLE = "PIRI_SHIELDED";

/**
 * Line for the shell that runs its arguments, and passes on what they print. If nobody takes that any more, since the
 * agent has died, it goes nowhere: a broken pipe would end the program.
 */
const KEEPER = [
  "exec 4>&1",
  'code=$({ { "$@" 3>&- 4>&-; echo $? >&3; } 2>&1 |' +
  " { cat || cat >/dev/null; } >&4 3>&-; } 3>&1)",
  'exit "$code"',
].join("\n");

/** Program as it goes on when its agent dies. */
export function asShielded(program: StepProgram): StepProgram {
  const { argv, env } = program;
  if (argv === undefined) return program;
  return {
    ...program,
    argv: ["/bin/sh", "-c", KEEPER, "sh", ...argv],
    env: { ...env, [VARIABLE]: "1" },
  };
}

/** True if a process was started as shielded. */
export function isShielded(pid: number): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/environ`)
      .split("\0").includes(`${VARIABLE}=1`);
  } catch {
    return false;
  }
}
