import {
  configure,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  type Logger,
  type LogRecord,
} from "@logtape/logtape";

export type { Logger };

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
}

/** The logger of one part, as `logger("manager", "listener")`. Silent until `startLog` was called. */
export function logger(...category: string[]): Logger {
  return getLogger(["piri", ...category]);
}

/** What is told within so many milliseconds is written together. */
const GATHERED_MS = 10;

/** What is never kept back, so that it is there whatever comes next. */
const AT_ONCE: ReadonlySet<LogLevel> = new Set(["warning", "error", "fatal"]);

/** Whatever may be the last that this program does. */
const LAST_EVENTS = ["error", "unhandledrejection", "unload"] as const;

/**
 * Sends the log records of Piri to the standard error of this program. May be called once in a program.
 *
 * Records of the same moment go out in one write, because one write each would cost more than the records themselves.
 *
 * @param options Level and format.
 */
export async function startLog({ level, format }: LogOptions): Promise<void> {
  const toText = format === "json"
    ? getJsonLinesFormatter()
    : getTextFormatter({ timestamp: "rfc3339", value: plainly });
  const encoder = new TextEncoder();
  let waiting = "";
  const flush = () => {
    const bytes = encoder.encode(waiting);
    waiting = "";
    try {
      let written = 0;
      while (written < bytes.length) {
        written += Deno.stderr.writeSync(bytes.subarray(written));
      }
    } catch {
      // Nobody reads it any more, and there is nowhere else to tell that.
    }
  };
  for (const event of LAST_EVENTS) addEventListener(event, flush);
  await configure({
    reset: true,
    sinks: {
      stderr: (record: LogRecord) => {
        if (waiting === "") setTimeout(flush, GATHERED_MS);
        waiting += toText(record);
        if (AT_ONCE.has(record.level)) flush();
      },
    },
    loggers: [
      { category: ["piri"], lowestLevel: level, sinks: ["stderr"] },
      // LogTape's own: it would tell on each start that it is configured.
      { category: ["logtape"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
}

/** Text as it is, but in one line: peers and files have a say in it. */
function plainly(value: unknown, inspect: (value: unknown) => string): string {
  if (typeof value !== "string") return inspect(value);
  return value.replaceAll(
    /\p{Cc}/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
