import { sleep } from "../../base/clock.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { UpdateParams } from "../../operations/agent_update.ts";
import {
  MAX_MANIFEST_BYTES,
  MAX_SIGNATURE_BYTES,
  readSignedManifest,
} from "../../update/manifest.ts";
import { slotExecutable, useSlot } from "../../update/slot_links.ts";
import {
  newTrial,
  readUpdateNote,
  type UpdateNote,
  writeUpdateNote,
} from "../../update/update_note.ts";
import { endOf, whyNotVersion } from "../../update/try_program.ts";
import { compareVersions } from "../../update/versions.ts";
import { VERSION_PATTERN } from "../../base/version_pattern.ts";
import type { WorkOutcome } from "../workers/workers.ts";
import { fetchProgram } from "./fetch_program.ts";
import { raiseFloor, readFloor } from "./floor.ts";
import {
  fileFor,
  type OwnSlots,
  requireNoTrial,
  requireOrder,
  requireRoom,
  requireSlots,
} from "./refusals.ts";
import {
  cancelled,
  MANIFEST_NAME,
  ReleaseSource,
  SIGNATURE_NAME,
} from "./release_source.ts";
import type { UpdateParts } from "./update_parts.ts";

const log = logger("agent", "update");

/** Time between two looks for commands that run, in milliseconds. */
const IDLE_LOOK_MS = 250;

/** Command of an update, and its means. */
export interface UpdateRequest {
  readonly params: UpdateParams;
  /** Name of the command in the journal. */
  readonly command: {
    readonly id: bigint;
    readonly nonce: bigint;
    readonly managerId: string;
  };
  /** Requests data of the Manager. */
  readonly request: (
    type: string,
    params: string,
  ) => Promise<string | Uint8Array>;
  readonly progress: (current: number, total: number, message: string) => void;
  /** Aborted by a cancel. From the switch on, nothing listens to it. */
  readonly signal: AbortSignal;
  /** Count of other commands that run. */
  readonly othersRunning: () => number;
}

/**
 * Carries out an update up to the switch: from then on the command belongs to the version that starts next. Does nothing
 * if the version runs already.
 *
 * @throws {PiriError} for each reason for which nothing was switched
 */
export async function update(
  request: UpdateRequest,
  parts: UpdateParts,
): Promise<WorkOutcome> {
  const { params, signal } = request;
  const { clock } = parts;
  const startedAt = clock.now();
  const slots = await requireSlots(parts);
  await requireNoTrial(slots, parts);
  const version = params.back === true
    ? await versionBefore(slots, parts)
    : wantedVersion(params);
  if (version === slots.slot) {
    const message = `version ${version} runs already`;
    return { success: true, changed: false, message };
  }
  await (params.back === true
    ? requireAboveFloor(version, parts)
    : fetchVersion(version, slots, request, parts));
  if (signal.aborted) throw cancelled(version);
  request.progress(1, 1, `trying version ${version}`);
  const keeps = params.back === true;
  await tryProgram(version, { ...slots, keeps }, parts);
  await untilIdle(request, parts);
  if (signal.aborted) throw cancelled(version);
  const { confirmMs, trialMs } = params;
  const { id, nonce, managerId } = request.command;
  const note = newTrial({
    id: String(id),
    nonce: String(nonce),
    managerId,
    from: slots.slot,
    to: version,
    startedAt,
    confirmMs,
    trialMs,
    now: clock.now(),
  });
  await switchTo(note, slots, parts);
  parts.restart(`version ${version} takes over from ${slots.slot}`);
  return { success: true, changed: true, isHandedOver: true };
}

function wantedVersion({ version }: UpdateParams): string {
  if (version === undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      "Cannot update: neither a version nor back is given",
    );
  }
  if (VERSION_PATTERN.test(version)) return version;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot update to ${JSON.stringify(version)}: it is not a version`,
  );
}

/** Version whose slot is left of the last update; else the highest of the others. */
async function versionBefore(
  { root, slot }: OwnSlots,
  { files, dir }: UpdateParts,
): Promise<string> {
  const others: string[] = [];
  for (const name of await files.list(`${root}/versions`)) {
    const isOther = name !== slot && VERSION_PATTERN.test(name);
    if (isOther && await files.exists(slotExecutable(root, name))) {
      others.push(name);
    }
  }
  const note = await readUpdateNote(files, dir);
  if (note?.to === slot && others.includes(note.from)) return note.from;
  const [highest] = others.toSorted((a, b) => compareVersions(b, a));
  if (highest !== undefined) return highest;
  throw new PiriError(
    "NOT_FOUND",
    `Cannot go back: ${root}/versions has no version but ${slot}`,
  );
}

/** The owner of a fleet may go back below what runs, but not below the floor. */
async function requireAboveFloor(
  version: string,
  { files, dir, version: running }: UpdateParts,
): Promise<void> {
  const floor = await readFloor(files, dir);
  requireOrder(version, { running, floor, allowDowngrade: true });
}

/** Puts a version into its slot. */
async function fetchVersion(
  version: string,
  { root }: OwnSlots,
  { params, request, progress, signal }: UpdateRequest,
  parts: UpdateParts,
): Promise<void> {
  const { files, dir, clock, keys, freeBytes, executable: like } = parts;
  const source = new ReleaseSource({ version, request, signal, clock });
  const signature = await source.readAll(SIGNATURE_NAME, MAX_SIGNATURE_BYTES);
  const manifest = readSignedManifest(
    await source.readAll(MANIFEST_NAME, MAX_MANIFEST_BYTES),
    new TextDecoder().decode(signature),
    keys(),
  );
  const file = fileFor(manifest, { ...parts, version });
  const floor = await raiseFloor(files, dir, manifest.floor);
  const { allowDowngrade = false } = params;
  requireOrder(version, { running: parts.version, floor, allowDowngrade });
  const path = slotExecutable(root, version);
  if (await files.sha256(path) === file.sha256) return;
  await requireRoom(file.size, root, freeBytes);
  const partial = `${root}/versions/partial-${file.sha256.slice(0, 16)}`;
  await removeOtherPartials(root, partial, files);
  const { fetched, reused } = await fetchProgram({
    manifest,
    file,
    source,
    like,
    partial: files.at(partial),
    progress: (done, total) => progress(done, total, `fetching ${file.name}`),
  });
  log.info("Fetched {fetched} bytes of version {version}, {reused} were here", {
    fetched,
    version,
    reused,
  });
  await files.moveProgram(partial, path);
  // Where it is enforced, SELinux lets services start only what has the label of its place.
  if (await files.exists("/sys/fs/selinux/enforce")) {
    await parts.run("restorecon", path);
  }
}

async function removeOtherPartials(
  root: string,
  partial: string,
  files: UpdateParts["files"],
): Promise<void> {
  for (const name of await files.list(`${root}/versions`)) {
    const path = `${root}/versions/${name}`;
    if (name.startsWith("partial-") && path !== partial) {
      await files.remove(path);
    }
  }
}

/** Starts the new program twice while nothing depends on it: most bad versions end here. */
async function tryProgram(
  version: string,
  { root, keeps }: OwnSlots & {
    /** True to keep its slot even if it fails. */
    readonly keeps: boolean;
  },
  { files, dir, run }: UpdateParts,
): Promise<void> {
  const program = slotExecutable(root, version);
  const fail = async (fact: string): Promise<never> => {
    if (!keeps) await files.remove(`${root}/versions/${version}`);
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot update to version ${version}: ${fact}; nothing was switched`,
    );
  };
  const why = await whyNotVersion(program, version, run);
  if (why !== undefined) return await fail(why);
  const checked = await run(program, "check", "--dir", dir);
  if (checked.code === 0) return;
  return await fail(`its check of this host fails, ${endOf(checked)}`);
}

/** Waits for other commands, if it may. */
async function untilIdle(
  { params: { idleMs }, othersRunning, signal, progress }: UpdateRequest,
  { clock }: UpdateParts,
): Promise<void> {
  if (idleMs === undefined) return;
  const end = clock.monotonic() + idleMs;
  for (;;) {
    const others = othersRunning();
    if (others === 0 || signal.aborted) return;
    if (clock.monotonic() >= end) {
      throw new PiriError(
        "TIMED_OUT",
        `Cannot update: ${others} commands still run after ${
          Math.round(idleMs / 1_000)
        } s; nothing was switched`,
      );
    }
    progress(0, 1, `waiting for ${others} commands`);
    await sleep(clock, IDLE_LOOK_MS, signal);
  }
}

/** Notes the trial before the link: a note without its link is no trial. */
async function switchTo(
  note: UpdateNote,
  { root }: OwnSlots,
  { files, dir, watch }: UpdateParts,
): Promise<void> {
  await writeUpdateNote(files, dir, note);
  try {
    await useSlot(files, root, note.to);
    watch?.();
  } catch (error) {
    const reason = messageOf(error);
    await useSlot(files, root, note.from).catch(() => {});
    await writeUpdateNote(files, dir, { ...note, state: "failed", reason });
    throw error;
  }
}
