import { Limits } from "../../base/limits.ts";

/** Sizes of a journal, in bytes unless said. */
export interface JournalLimits {
  /** Commands that are not forgotten, a count. */
  readonly openCommands: number;
  /** Output of a stream that is kept before its middle is cut. */
  readonly offlineOutput: number;
  /** Output above what is acknowledged that is never cut. */
  readonly window: number;
  /** A file of output, about. */
  readonly segment: number;
  /** Output of all streams that is held in memory, too, until it is delivered. */
  readonly recent: number;
  /** What is put aside for a full disk. */
  readonly reserve: number;
  /** The longest line that may take space from the reserve before its last half. */
  readonly reserveRecord: number;
  /** Output of a command that may take space from the reserve. */
  readonly reserveOutput: number;
  /** What the log may grow to before it is looked at for what is not needed any more. */
  readonly compactAt: number;
}

/** What a journal has unless it is told otherwise: protocol.md section 5. */
export const JOURNAL_LIMITS: JournalLimits = {
  openCommands: Limits.openCommands,
  offlineOutput: Limits.offlineOutput,
  window: Limits.window,
  segment: 1_048_576,
  recent: 2 * Limits.window,
  reserve: 1_048_576,
  reserveRecord: 16_384,
  reserveOutput: 65_536,
  compactAt: 1_048_576,
};
