import { PiriError } from "../../base/errors.ts";
import type { HostReader, HostWriter } from "../host/host.ts";
import type { AccountTools, Tool } from "./account_tools.ts";
import { quoted, type ValuePlace, WrongValue } from "../wrong_value.ts";
import { busyboxTools } from "./busybox_tools.ts";
import { hasProgram } from "./programs.ts";
import { runProgram } from "./run_program.ts";
import { shadowTools } from "./shadow_tools.ts";

/** Name of an account that every tool takes, and that is no option. */
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,30}[A-Za-z0-9_.$-]?$/;

/** Numbers that accounts can have: the largest one of 32 bits means none. */
export const ID_RANGE = [0, 4_294_967_294] as const;

/** @throws {WrongValue} */
export function requireName(
  kind: "user" | "group",
  name: string,
  at: ValuePlace,
): void {
  if (NAME.test(name)) return;
  throw new WrongValue(
    at,
    `${
      quoted(name)
    } is no name of a ${kind}: it has 1 to 32 letters, digits, "_", "-" and ".", and begins with a letter or "_"`,
  );
}

/**
 * Finds the programs that change accounts: those of shadow, else those of busybox.
 *
 * @throws {PiriError} UNSUPPORTED if a host has neither
 */
export function findTools(reader: HostReader): AccountTools {
  if (Deno.build.os === "linux") {
    if (hasProgram("useradd", reader)) return shadowTools;
    // Without busybox, adduser is another program.
    const isBusybox = ["busybox", "adduser", "addgroup"].every((name) =>
      hasProgram(name, reader)
    );
    if (isBusybox) return busyboxTools;
  }
  throw new PiriError(
    "UNSUPPORTED",
    "Cannot change users and groups on this host: there is no useradd, and no adduser of busybox; install the package shadow",
  );
}

/**
 * Refuses to change what the programs of a host cannot.
 *
 * @throws {PiriError} UNSUPPORTED
 */
export function requireParts(
  { name, lacks }: AccountTools,
  parts: readonly string[],
): void {
  const part = lacks.find((each) => parts.includes(each));
  if (part === undefined) return;
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot change "${part}" on this host: ${name} has no program for it; install the package shadow`,
  );
}

/** Runs programs that change accounts, one after another. */
export async function runTools(
  tools: readonly Tool[],
  writer: HostWriter,
): Promise<void> {
  for (const tool of tools) {
    // Dates are read in the zone of the host otherwise.
    const env = { LC_ALL: "C.UTF-8", TZ: "UTC" };
    await runProgram({ ...tool, env }, "change the account", writer);
  }
}
