import type { HostFiles } from "../service/host_files.ts";
import { currentSlot, slotExecutable, useSlot } from "./slot_links.ts";
import {
  readUpdateNote,
  type UpdateNote,
  writeUpdateNote,
} from "./update_note.ts";

/** Most starts of a version on trial. The next one goes back. */
export const MAX_TRIAL_STARTS = 3;

/** Places and means of a guard. */
export interface GuardOptions {
  readonly files: Pick<
    HostFiles,
    "read" | "write" | "readLink" | "link" | "exists"
  >;
  /** State folder of the agent. */
  readonly dir: string;
  /** Folder of the installation. */
  readonly root: string;
  /** Current time, in milliseconds since 1970. */
  readonly now: number;
}

/**
 * Looks before each start whether a version on trial has had its time, and goes back if so. Runs from the version that
 * was confirmed last. Returns a line for the log; empty if there is nothing to say.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function guardStart(options: GuardOptions): Promise<string> {
  const { files, dir, root, now } = options;
  const note = await readUpdateNote(files, dir);
  if (note === undefined) return "";
  if (await currentSlot(files, root) !== note.to) return "";
  if (note.state === "back") return await goBack(note, options);
  if (note.state !== "trial") return "";
  const starts = note.starts + 1;
  const reason = starts > MAX_TRIAL_STARTS
    ? `it was started ${MAX_TRIAL_STARTS} times, and did not stay up until it was confirmed`
    : now > note.deadline
    ? `it was not connected and confirmed in time${
      note.detail === "" ? "" : `: ${note.detail}`
    }`
    : undefined;
  if (reason === undefined) {
    await writeUpdateNote(files, dir, { ...note, starts });
    return "";
  }
  return await goBack({ ...note, starts, state: "back", reason }, options);
}

/** Leads back to the version before, if that is still there. */
async function goBack(
  note: UpdateNote,
  { files, dir, root }: GuardOptions,
): Promise<string> {
  const { from, to, reason } = note;
  if (!await files.exists(slotExecutable(root, from))) {
    return `Cannot go back to version ${from}: its files are gone`;
  }
  // A full disk must not keep the version that does not work.
  const written = writeUpdateNote(files, dir, note).catch(() => {});
  await written;
  await useSlot(files, root, from);
  return `Version ${to} is given up, and ${from} starts again: ${reason}`;
}
