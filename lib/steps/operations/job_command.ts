import type { HostReader } from "../host/host.ts";
import type { ParameterShapes } from "../parameters.ts";
import type { Forecast } from "../step_operation.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import { wantedAttributes } from "./paths.ts";

/** Parameters of a command that the host runs at given times. */
export const JOB = {
  command: { type: "text", description: "Line for the shell" },
  user: {
    type: "text",
    description: "User that runs it",
    standard: "root",
  },
  env: { type: "map", description: "Variables that are added" },
  absent: { type: "switch", description: "True to remove it" },
} as const satisfies ParameterShapes;

/** Values of these. */
export interface JobParams {
  readonly name: string;
  readonly command?: string;
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly absent?: boolean;
}

/**
 * Refuses names, users, commands and variables that would not be what they seem in the file of a job, and a job that is
 * neither given nor absent.
 *
 * @throws {WrongValue}
 */
export function validateJob(
  { name, command = "", user = "root", env = {}, absent }: JobParams,
): void {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_-]{0,100}$/.test(name)) {
    throw new WrongValue(
      ["name"],
      `${
        quoted(name)
      } is no name of a job: it can have letters, digits and the characters _- only, 101 at most`,
    );
  }
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/.test(user)) {
    throw new WrongValue(["user"], `${quoted(user)} is no name of a user`);
  }
  if (/[\r\n]/.test(command)) {
    throw new WrongValue(
      ["command"],
      "it has more than one line; run a script instead",
    );
  }
  for (const [key, value] of Object.entries(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) {
      throw new WrongValue(
        ["env", key],
        `${
          quoted(key)
        } is no name of a variable: it can have letters, digits and _ only`,
      );
    }
    if (/[\r\n]/.test(value)) {
      throw new WrongValue(
        ["env", key],
        `the variable ${quoted(key)} has more than one line`,
      );
    }
  }
  if (absent === false) {
    throw new WrongValue(
      ["absent"],
      "it is false; leave it out, and give the times and the command",
    );
  }
}

/** Requires that the user of a job is there, or will be. */
export async function requireUser(
  { user }: JobParams,
  reader: HostReader,
  forecast: Forecast,
): Promise<void> {
  if (user === undefined || user === "root") return;
  await wantedAttributes({ user }, reader, forecast);
}
