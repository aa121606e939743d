/** Level of a log record. */
export type LogLevel =
  | "trace"
  | "debug"
  | "info"
  | "warning"
  | "error"
  | "fatal";

/** Levels from the most to the least talkative. */
export const LOG_LEVELS: readonly LogLevel[] = [
  "trace",
  "debug",
  "info",
  "warning",
  "error",
  "fatal",
];

/** Level and format of the log. */
export interface LogOptions {
  /** Lowest level that is written. */
  readonly level: LogLevel;
  /** Lines for people, or JSON Lines. */
  readonly format: "text" | "json";
  /**
   * Form of the lines: `auto` writes what the journal of systemd keeps beside a line, its level and its time, as the
   * journal wants it if standard error is the journal. `stderr` never does. Auto if absent.
   */
  readonly target?: "auto" | "stderr" | undefined;
}

/** All readers that the lines of a log may be written for. */
export const LOG_TARGETS = [
  "auto",
  "stderr",
] as const satisfies readonly NonNullable<
  LogOptions["target"]
>[];
