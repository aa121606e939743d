import {
  LOG_LEVELS,
  type LogLevel,
  type LogOptions,
} from "../base/log_options.ts";
import type { Flags } from "./command.ts";

/** Flags of a subcommand that runs for long and logs to standard error. */
export const LOG_FLAGS = {
  "log-level": {
    type: "choice",
    choices: LOG_LEVELS,
    summary: "lowest level that is logged (default: as configured)",
  },
  "log-format": {
    type: "choice",
    choices: ["text", "json"],
    summary: "format of the log on stderr (default: as configured)",
  },
} as const satisfies Flags;

/** Log options that these flags set. The configuration sets the others. */
export function logOptionsOf(
  { "log-level": level, "log-format": format }: {
    readonly "log-level": LogLevel | undefined;
    readonly "log-format": LogOptions["format"] | undefined;
  },
): Partial<LogOptions> {
  return {
    ...(level === undefined ? {} : { level }),
    ...(format === undefined ? {} : { format }),
  };
}
