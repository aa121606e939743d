import { join } from "@std/path";
import * as v from "valibot";
import type { HostFiles } from "../service/host_files.ts";
import { VERSION_PATTERN } from "../base/version_pattern.ts";

/** File in the state folder of an agent, or of a Manager. */
const NOTE = "update.json";

/** Mode of the file, unless another user has to read it. */
const PRIVATE_FILE = 0o600;

/** Digits of a number of 64 bits. */
const digits = v.pipe(v.string(), v.regex(/^\d{1,20}$/));
const time = v.pipe(v.number(), v.minValue(0));
const version = v.pipe(v.string(), v.regex(VERSION_PATTERN));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/**
 * An older guard reads this file, and an older agent takes it up after a way back. So nothing in it ever changes its
 * meaning, no key becomes required, and unknown keys are ignored.
 */
const NoteSchema = v.object({
  id: digits,
  nonce: digits,
  managerId: v.string(),
  from: version,
  to: version,
  state: v.picklist(["trial", "back", "failed", "confirmed"]),
  starts: count,
  deadline: time,
  startedAt: v.optional(time, 0),
  confirmMs: v.optional(time, 60_000),
  trialMs: v.optional(time, 300_000),
  reason: v.optional(v.string(), ""),
  detail: v.optional(v.string(), ""),
  schema: v.optional(count),
  served: v.optional(v.boolean()),
  agents: v.optional(count),
});

/** Note about the last update of an agent, or of a Manager. */
export interface UpdateNote {
  /** Command of the update: its id and nonce as digits, and its Manager. Zeros and "" for that of a Manager. */
  readonly id: string;
  readonly nonce: string;
  readonly managerId: string;
  /** Version before. */
  readonly from: string;
  /** Version that was to come. */
  readonly to: string;
  /**
   * `trial` until the new version has confirmed itself; `back` once the guard has given it up and until the old version
   * has taken that up.
   */
  readonly state: "trial" | "back" | "failed" | "confirmed";
  /** Count of starts on trial. */
  readonly starts: number;
  /** Time after which a start goes back, in milliseconds since 1970. */
  readonly deadline: number;
  /** Time at which the command began, in milliseconds since 1970; 0 if it is not known. */
  readonly startedAt: number;
  /** Time for which the new version has to stay connected, in milliseconds. */
  readonly confirmMs: number;
  /** Length of a trial, in milliseconds. */
  readonly trialMs: number;
  /** Reason of a way back; empty if there was none. */
  readonly reason: string;
  /** Words about why it is not confirmed, or cannot go back; may be empty. */
  readonly detail: string;
  /** Manager: version of the schema of its database before. */
  readonly schema?: number | undefined;
  /** Manager: true once the new version may have accepted something. */
  readonly served?: boolean | undefined;
  /** Manager: count of agents that were connected before. */
  readonly agents?: number | undefined;
}

/** Time for which a new version has to work by default, in milliseconds. */
const CONFIRM_MS = 60_000;

/** Length of a trial besides twice the time of the confirmation, in milliseconds. */
const TRIAL_MS = 120_000;

/** Note about a trial that begins now. */
export function newTrial(
  { confirmMs = CONFIRM_MS, trialMs = TRIAL_MS + 2 * confirmMs, now, ...facts }:
    & Omit<
      UpdateNote,
      | "state"
      | "starts"
      | "deadline"
      | "confirmMs"
      | "trialMs"
      | "reason"
      | "detail"
    >
    & {
      /** Current time, in milliseconds since 1970. */
      readonly now: number;
      readonly confirmMs?: number | undefined;
      readonly trialMs?: number | undefined;
    },
): UpdateNote {
  return {
    ...facts,
    state: "trial",
    starts: 0,
    deadline: now + trialMs,
    confirmMs,
    trialMs,
    reason: "",
    detail: "",
  };
}

/** Files that notes are read from and written to. */
export type NoteFiles = Pick<HostFiles, "read" | "write">;

/**
 * Reads the note about the last update; undefined if there is none, or none that can be understood.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function readUpdateNote(
  files: Pick<NoteFiles, "read">,
  dir: string,
): Promise<UpdateNote | undefined> {
  const text = await files.read(join(dir, NOTE));
  if (text === undefined) return undefined;
  const result = v.safeParse(
    v.pipe(v.string(), v.parseJson(), NoteSchema),
    text,
  );
  return result.success ? result.output : undefined;
}

/**
 * Writes the note, durably.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function writeUpdateNote(
  files: NoteFiles,
  dir: string,
  note: UpdateNote,
  mode = PRIVATE_FILE,
): Promise<void> {
  const text = `${JSON.stringify(note, undefined, 2)}\n`;
  await files.write(join(dir, NOTE), text, mode);
}
