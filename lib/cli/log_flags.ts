import type { LogLevel, LogOptions } from "../base/log.ts";
import type { Flags } from "./command.ts";

/** From the most to the least talkative, without loading what writes the log. */
const LEVELS = [
  "trace",
  "debug",
  "info",
  "warning",
  "error",
  "fatal",
] as const satisfies readonly LogLevel[];

/** The flags of what runs for long and writes a log to standard error. */
export const LOG_FLAGS = {
  "log-level": {
    type: "choice",
    choices: LEVELS,
    summary: "what is worth a line in the log (as configured if absent)",
  },
  "log-format": {
    type: "choice",
    choices: ["text", "json"],
    summary: "how the log on standard error is written",
  },
} as const satisfies Flags;

/** What these flags say of the log; the rest is up to the configuration. */
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
