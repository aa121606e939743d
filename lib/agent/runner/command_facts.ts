import type { Command } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { isTooDeep } from "../../base/json_depth.ts";
import type { Dialect } from "../../wire/dialect.ts";
import type { RecordedCommand } from "../audit/audit_line.ts";
import { type Translated, translateLegacy } from "./legacy_command.ts";

/** Command as the host's own record and the log name it. */
export interface CommandFacts extends RecordedCommand {
  /** Arguments of its program or its line for the shell, for the log at the level "debug" alone. */
  readonly words: readonly string[];
}

/**
 * Operation and parameters of a command, translated if a legacy Manager sent it.
 *
 * @throws {PiriError} INVALID_ARGUMENT, UNSUPPORTED
 */
export function jobOf(
  { type, data }: Command,
  { hasPositionalParams }: Pick<Dialect, "hasPositionalParams">,
): Translated {
  return hasPositionalParams
    ? translateLegacy(type, data)
    : { operation: type, params: data };
}

/** Facts of a command for the record. Never throws: what cannot be read is left out. */
export function factsOf(
  command: Command,
  { managerId, dialect }: {
    readonly managerId: string;
    readonly dialect: Pick<Dialect, "hasPositionalParams">;
  },
): CommandFacts {
  const { operation, params } = translated(command, dialect);
  const [program = "", ...words] = operation === "command.Run"
    ? wordsOf(params)
    : [];
  return {
    id: command.commandId,
    nonce: command.nonce,
    managerId,
    operation,
    program,
    words,
    requestedBy: command.requestedBy,
  };
}

function translated(
  command: Command,
  dialect: Pick<Dialect, "hasPositionalParams">,
): Translated {
  try {
    return jobOf(command, dialect);
  } catch {
    return { operation: command.type, params: "" };
  }
}

/** Program of a line for the shell. The line itself may begin with a secret. */
const SHELL = Deno.build.os === "windows" ? "cmd.exe" : "/bin/sh";

/** Program and arguments. */
function wordsOf(params: string): string[] {
  if (isTooDeep(params)) return [];
  try {
    const { argv, shell } = JSON.parse(params);
    if (typeof shell === "string") return [SHELL, shell];
    return Array.isArray(argv)
      ? argv.map((word) => typeof word === "string" ? word : "(bytes)")
      : [];
  } catch {
    return [];
  }
}
