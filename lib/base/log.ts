import {
  configureSync,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  type Logger,
  type LogRecord,
  type Sink,
} from "@logtape/logtape";
import { dirname } from "@std/path";
import { isJournalStream } from "./journal_stream.ts";
import type { LogLevel, LogOptions } from "./log_options.ts";

export type { Logger };

/** Priorities of the journal of systemd, see sd-daemon(3). */
const PRIORITIES: Readonly<Record<LogLevel, number>> = {
  trace: 7,
  debug: 7,
  info: 6,
  warning: 4,
  error: 3,
  fatal: 2,
};

/** Logger of one part, as `logger("manager", "listener")`. Silent until `startLog` was called. */
export function logger(...category: string[]): Logger {
  return getLogger(["piri", ...category]);
}

/** Records within this many milliseconds are written together. */
const GATHERED_MS = 30;

/** Levels that are written at once, because the program may end right after them. */
const AT_ONCE: ReadonlySet<LogLevel> = new Set(["warning", "error", "fatal"]);

/** Events after which the program may end. */
const LAST_EVENTS = ["error", "unhandledrejection", "unload"] as const;

/** Largest log file before the next one is begun, in bytes, and how many are kept. */
const MAX_FILE_BYTES = 5 * 1024 * 1024;
const MAX_FILES = 10;

/** Text of records that is not written yet. */
let waiting = "";

/** True once the events after which the program may end are listened to. */
let isListening = false;

/**
 * Sends the log records of Piri to the standard error of this program. May be called again, with other options.
 *
 * Records of the same moment go out in one write, because one write each would cost more than the records themselves.
 *
 * @param options Level and format, and a file instead of standard error, for a program that has none.
 */
export async function startLog(
  { level, format, target = "auto", file }: LogOptions & {
    readonly file?: string | undefined;
  },
): Promise<void> {
  const isJournal = target === "auto" &&
    isJournalStream(Deno.env.get("JOURNAL_STREAM"));
  const toText = formatter(format, isJournal);
  if (!isListening) {
    for (const event of LAST_EVENTS) addEventListener(event, flush);
    isListening = true;
  }
  const intoFile = file === undefined
    ? undefined
    : await fileSink(file, toText);
  // At once, so that no record falls between the old options and the new ones.
  configureSync({
    reset: true,
    sinks: {
      lines: intoFile ?? ((record: LogRecord) => {
        if (waiting === "") setTimeout(flush, GATHERED_MS);
        waiting += toText(record);
        if (AT_ONCE.has(record.level)) flush();
      }),
    },
    loggers: [
      { category: ["piri"], lowestLevel: level, sinks: ["lines"] },
      // LogTape's own category: at a lower level it would report its configuration at each start.
      { category: ["logtape"], lowestLevel: "error", sinks: ["lines"] },
    ],
  });
}

/** Writes records to a file that is followed by a new one when it is large. Its lines are on the disk at once. */
async function fileSink(
  path: string,
  formatter: (record: LogRecord) => string,
): Promise<Sink> {
  const { getRotatingFileSink } = await import("@logtape/file");
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return getRotatingFileSink(path, {
    formatter,
    maxSize: MAX_FILE_BYTES,
    maxFiles: MAX_FILES,
    bufferSize: 0,
  });
}

/** Formats a record as a line; for the journal with its priority in front, and without what the journal has itself. */
export function formatter(
  format: LogOptions["format"],
  isJournal: boolean,
): (record: LogRecord) => string {
  const toText = format === "json" ? jsonLines() : getTextFormatter({
    timestamp: "rfc3339",
    value: plainly,
    ...isJournal
      ? { format: ({ category, message }) => `${category}: ${message}` }
      : {},
  });
  return isJournal
    ? (record) => `<${PRIORITIES[record.level]}>${toText(record)}`
    : toText;
}

/** Formats records as JSON, with the message as people read it: LogTape would put quotes around each value in it. */
function jsonLines(): (record: LogRecord) => string {
  const toText = getJsonLinesFormatter();
  return (record) => {
    const message = record.message.map((part) =>
      typeof part === "string" || typeof part === "bigint"
        ? part
        : Deno.inspect(part)
    );
    return toText({ ...record, message: [message.join("")] });
  };
}

function flush(): void {
  const bytes = new TextEncoder().encode(waiting);
  waiting = "";
  try {
    let written = 0;
    while (written < bytes.length) {
      written += Deno.stderr.writeSync(bytes.subarray(written));
    }
  } catch {
    // Standard error has no reader any more, and there is no other place to report that.
  }
}

/** Escapes text to one line, because peers and files choose parts of it. */
function plainly(value: unknown, inspect: (value: unknown) => string): string {
  // Ids are written as everywhere else: 59, and not 59n.
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "string") return inspect(value);
  return value.replaceAll(
    /\p{Cc}/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
