import { PiriError } from "../../base/errors.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";

/** `audit prune`: deletes the oldest entries, and leaves a signed stub. */
export const pruneAudit = defineSubcommand({
  name: "prune",
  summary: "delete the oldest entries, and leave a signed stub",
  positionals: {},
  flags: {
    before: {
      type: "string",
      value: "DATE",
      summary:
        "delete what is older than this date, as 2026-01-31 or 2026-01-31T12:00Z; without a zone it is UTC",
    },
    keep: {
      type: "number",
      value: "N",
      summary: "delete all but the newest N entries",
      least: 0,
      most: Number.MAX_SAFE_INTEGER,
    },
  },
  examples: ["--before 2026-01-01", "--keep 100000"],
  async execute(
    { flags, dir, json, output, terminal },
    services: ManagerServices,
  ) {
    const cut = cutOf(flags);
    using control = await services.connect(dir);
    const { deleted, upTo, asked } = await control.audit.pruneAudit({
      cut,
      requestedBy: userOf(terminal),
    });
    if (json) {
      await output.value({
        deleted: String(deleted),
        upTo: String(upTo),
        asked: String(asked),
      });
      return ExitCode.ok;
    }
    const entries = deleted === 1n ? "1 entry" : `${deleted} entries`;
    await output.line(
      deleted === 0n
        ? "Nothing was deleted"
        : `${entries} deleted: a signed stub stands for entries 1 to ${upTo}`,
    );
    if (asked > upTo) {
      await output.note(
        `entries ${upTo + 1n} to ${asked} stay: no checkpoint covers them yet`,
      );
    }
    return ExitCode.ok;
  },
});

function cutOf(
  { before, keep }: { before: string | undefined; keep: number | undefined },
):
  | { case: "beforeMs"; value: bigint }
  | { case: "keep"; value: bigint } {
  if ((before === undefined) === (keep === undefined)) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      "Cannot prune the audit: give --before DATE or --keep N, and not both",
    );
  }
  if (keep !== undefined) return { case: "keep", value: BigInt(keep) };
  return { case: "beforeMs", value: BigInt(dateOf(before ?? "")) };
}

const DATE =
  /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;

function dateOf(text: string): number {
  const hasZone = /T.*(?:Z|[+-]\d{2}:\d{2})$/.test(text) || !text.includes("T");
  const at = DATE.test(text) ? Date.parse(hasZone ? text : `${text}Z`) : NaN;
  if (!Number.isNaN(at)) return at;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read the date "${text}": it should be as 2026-01-31 or 2026-01-31T12:00Z`,
  );
}
