import { PiriError } from "../../base/errors.ts";
import type { HostReader, HostWriter, StepProgram } from "../host/host.ts";

/** Name of an account that every tool takes, and that is no option. */
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,30}[A-Za-z0-9_.$-]?$/;

/** @throws {PiriError} INVALID_ARGUMENT */
export function requireName(kind: "user" | "group", name: string): void {
  if (NAME.test(name)) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use ${kind} "${name}": a name has 1 to 32 letters, digits, "_", "-" and ".", and begins with a letter or "_"`,
  );
}

/** Refuses a host on which accounts cannot be changed. */
export function requireTools(reader: HostReader): void {
  const isThere = ["/usr/sbin", "/sbin", "/usr/bin"].some((folder) =>
    reader.followed(`${folder}/useradd`) !== undefined
  );
  if (isThere && Deno.build.os === "linux") return;
  throw new PiriError(
    "UNSUPPORTED",
    "Cannot change users and groups on this host: there is no useradd; install the package shadow",
  );
}

/** Runs one of shadow's tools, whose arguments hold nothing secret. */
export async function runTool(
  argv: readonly string[],
  writer: HostWriter,
  more: Pick<StepProgram, "stdin"> = {},
): Promise<void> {
  const { code, signal } = await writer.run({
    argv,
    // Dates are read in the zone of the host otherwise.
    env: { LC_ALL: "C.UTF-8", TZ: "UTC" },
    ...more,
  });
  if (code === 0) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot change the account: ${argv[0]} ended with ${
      signal ?? `exit code ${code}`
    }`,
  );
}
