import { PiriError } from "../../../base/errors.ts";

/** Variables by which cron itself is told something. */
export const CRON_SETTINGS: ReadonlySet<string> = new Set([
  "CRON_TZ",
  "MAILFROM",
  "MAILTO",
  "RANDOM_DELAY",
  "SHELL",
  "TZ",
]);

/** Command as cron takes it: a percent sign would end it. */
export function commandWord(command: string): string {
  return command.trim().replace(
    /(\\*)%/g,
    (whole, slashes: string) =>
      slashes.length % 2 === 1 ? whole : `${slashes}\\%`,
  );
}

/**
 * Line that sets a variable in a file of cron, which knows quotes and no escapes.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function environmentLine(
  job: string,
  key: string,
  value: string,
): string {
  if (!value.includes('"')) return `${key}="${value}"`;
  if (!value.includes("'")) return `${key}='${value}'`;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot make the cron job "${job}": the variable "${key}" has both kinds of quotes in it, which cron cannot read`,
  );
}
