import { FRESH_FIELDS } from "../../store/fresh_command.ts";
import type { CommandRecord, NewCommand } from "../../store/records.ts";

/**
 * Record of a command that was just made, as the database has it. Thousands are made at a time, and to copy them from the
 * thread of the database would take longer.
 */
export function newRecord(
  id: bigint,
  made: Required<NewCommand> & { readonly job: string },
): CommandRecord {
  return {
    ...made,
    id,
    // The database has whole milliseconds.
    createdAt: Math.trunc(made.createdAt),
    sentAt: made.sentAt === null ? null : Math.trunc(made.sentAt),
    ...FRESH_FIELDS,
  };
}
