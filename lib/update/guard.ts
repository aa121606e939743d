import { messageOf } from "../base/errors.ts";
import type { HostFiles } from "../service/host_files.ts";
import type { ServiceName } from "../service/service_host.ts";
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
  /** State folder of the program. */
  readonly dir: string;
  /** Folder of the installation. */
  readonly root: string;
  /** Current time, in milliseconds since 1970. */
  readonly now: number;
  readonly name?: ServiceName;
  /**
   * Puts data back that the version on trial has changed, before the link: a version before could not read it. Throws the
   * reason if that must not be: then the version on trial stays.
   */
  readonly restore?: (note: UpdateNote) => Promise<void>;
  /** False to leave the link to `guardLink`, where this process may not change it. */
  readonly links?: boolean;
}

/**
 * Looks before each start whether a version on trial has had its time, and goes back if so. Runs from the version that
 * was confirmed last. Returns a line for the log; empty if there is nothing to say.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function guardStart(options: GuardOptions): Promise<string> {
  const { files, dir, root, now, name = "piri-agent" } = options;
  const note = await readUpdateNote(files, dir);
  if (note === undefined) return "";
  if (await currentSlot(files, root) !== note.to) return "";
  if (note.state === "back") return await goBack(note, options);
  if (note.state !== "trial") return "";
  const starts = note.starts + 1;
  // A person chooses when a Manager starts as the new version: its time begins then.
  const deadline = name === "piri-manager" && note.starts === 0
    ? now + note.trialMs
    : note.deadline;
  const reason = starts > MAX_TRIAL_STARTS
    ? `it was started ${MAX_TRIAL_STARTS} times, and did not stay up until it was confirmed`
    : now > deadline
    ? `it was not ${
      name === "piri-agent" ? "connected and " : ""
    }confirmed in time${note.detail === "" ? "" : `: ${note.detail}`}`
    : undefined;
  if (reason === undefined) {
    await writeUpdateNote(files, dir, { ...note, starts, deadline });
    return "";
  }
  return await goBack({ ...note, starts, state: "back", reason }, options);
}

/**
 * Makes the link follow a note by which the version on trial is given up. For a process that may change the link, beside
 * one that may not: it takes no more from the state folder than the names of two versions.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function guardLink(options: GuardOptions): Promise<string> {
  const { files, dir, root, name } = options;
  const note = await readUpdateNote(files, dir);
  if (note?.state !== "back") return "";
  if (await currentSlot(files, root) !== note.to) return "";
  if (!await files.exists(slotExecutable(root, note.from, name))) return "";
  await useSlot(files, root, note.from);
  return backLine(note);
}

/** Leads back to the version before, if that is still there. */
async function goBack(
  note: UpdateNote,
  options: GuardOptions,
): Promise<string> {
  const { files, dir, root, name, restore, links = true } = options;
  const { from } = note;
  if (!await files.exists(slotExecutable(root, from, name))) {
    return `Cannot go back to version ${from}: its files are gone`;
  }
  try {
    await restore?.(note);
  } catch (error) {
    const detail = messageOf(error);
    await writeUpdateNote(files, dir, { ...note, state: "trial", detail });
    return `Cannot go back to version ${from}: ${detail}`;
  }
  const written = writeUpdateNote(files, dir, note);
  if (!links) {
    await written;
    return "";
  }
  // A full disk must not keep the version that does not work.
  await written.catch(() => {});
  await useSlot(files, root, from);
  return backLine(note);
}

function backLine({ from, to, reason }: UpdateNote): string {
  return `Version ${to} is given up, and ${from} starts again: ${reason}`;
}
