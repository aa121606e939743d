import { Limits } from "../../base/limits.ts";

/** Limits of a journal, in bytes unless said otherwise. */
export interface JournalLimits {
  /** Commands that are not forgotten, a count. */
  readonly openCommands: number;
  /** Output of a stream that is stored before its middle is cut. */
  readonly offlineOutput: number;
  /** Output above the acknowledged part that is never cut. */
  readonly window: number;
  /** Size at which a new file of output begins, approximately. */
  readonly segment: number;
  /** Output of all streams that is also held in memory until it is delivered. */
  readonly recent: number;
  /** Space that is put aside for a full disk. */
  readonly reserve: number;
  /** Longest record that may take space from the first half of the reserve. */
  readonly reserveRecord: number;
  /** Output of a command that may take space from the reserve. */
  readonly reserveOutput: number;
  /** Size of the log at which it is checked for records that are not needed any more. */
  readonly compactAt: number;
}

/** Default limits of a journal: protocol.md, "What an agent keeps". */
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
