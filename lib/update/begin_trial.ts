import { PiriError } from "../base/errors.ts";
import type { HostFiles } from "../service/host_files.ts";
import type { Ran } from "../service/host_system.ts";
import type { SlotChange } from "../service/slots.ts";
import { guardPath, slotExecutable } from "./slot_links.ts";
import { whyNotVersion } from "./try_program.ts";
import {
  newTrial,
  readUpdateNote,
  type UpdateNote,
  writeUpdateNote,
} from "./update_note.ts";
import { compareVersions } from "./versions.ts";

/** Name of the program. An agent's trial begins with the command that updates it. */
const NAME = "piri-manager";

/** Mode of a note that the user of the service has to read. That user owns the folder, and so may replace it. */
const READABLE = 0o644;

/** Means of beginning a trial. */
export interface TrialParts {
  readonly files: HostFiles;
  readonly now: () => number;
  /** Runs a program to its end, or ends it after a while. */
  readonly run: (program: string, ...args: readonly string[]) => Promise<Ran>;
  /** Reads the version of the schema of the database in a state folder; undefined if there is none. */
  readonly schema: (dir: string) => Promise<number | undefined>;
}

/**
 * Makes the switch of a Manager to another version a trial: notes how to go back, and chooses the guard. Called once the
 * new version is in its slot, and before the link is changed. Returns the versions whose slots have to stay.
 *
 * A version that is itself on trial is no way back: the trial of the next one leads to the version before it. To install
 * that by hand ends the trial.
 *
 * @throws {PiriError} REFUSED below the version in use; FAILED_PRECONDITION if the new program does not start; DENIED, DISK
 */
export async function beginTrial(
  change: SlotChange,
  parts: TrialParts,
): Promise<readonly string[]> {
  const { root, from: current, to, dir, allowDowngrade = false } = change;
  const { files, now, run, schema } = parts;
  const last = await readUpdateNote(files, dir);
  const trial = last?.state === "trial" && last.to === current
    ? last
    : undefined;
  const isBack = trial?.from === to;
  if (!isBack && !allowDowngrade && compareVersions(to, current) < 0) {
    throw new PiriError(
      "REFUSED",
      `Cannot install version ${to}: it is lower than ${current}, which is installed; use --allow-downgrade if you mean it`,
    );
  }
  const why = await whyNotVersion(slotExecutable(root, to, NAME), to, run);
  if (why !== undefined) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot install version ${to}: ${why}; nothing was switched`,
    );
  }
  if (trial !== undefined && isBack) {
    const reason = `version ${to} was installed in its place`;
    await note({ ...trial, state: "failed", reason }, dir, files);
    return [];
  }
  if (trial === undefined) await chooseGuard(change, parts);
  const from = trial?.from ?? current;
  const begun = newTrial({
    id: "0",
    nonce: "0",
    managerId: "",
    from,
    to,
    startedAt: now(),
    confirmMs: change.confirmMs,
    now: now(),
    ...await databaseBefore(trial, dir, schema),
  });
  await note(begun, dir, files);
  return [from];
}

/** Facts about the database of the version before. Those of a trial hold, once it has changed the schema. */
async function databaseBefore(
  trial: UpdateNote | undefined,
  dir: string,
  read: TrialParts["schema"],
): Promise<Pick<UpdateNote, "schema" | "served" | "agents">> {
  const schema = await read(dir);
  const { agents, served, schema: before = schema } = trial ?? {};
  const isChanged = (schema ?? 0) > (before ?? 0);
  return { agents, schema: before, served: isChanged && served === true };
}

/** Makes the version in use the guard, if it knows how to be one; else the new one, which has just shown that it starts. */
async function chooseGuard(
  { root, from, to, dir }: SlotChange,
  { files, run }: TrialParts,
): Promise<void> {
  const program = slotExecutable(root, from, NAME);
  const words = ["service", "guard", "--dir", dir, "--part", "state"];
  const { code } = await run(program, ...words);
  const guard = code === 0 ? program : slotExecutable(root, to, NAME);
  await files.secondName(guard, guardPath(root));
}

async function note(
  note: UpdateNote,
  dir: string,
  files: HostFiles,
): Promise<void> {
  await writeUpdateNote(files, dir, note, READABLE);
}
