import { PiriError } from "../../base/errors.ts";
import type { Manifest, ManifestFile } from "../../update/manifest.ts";
import { guardPath } from "../../update/slot_links.ts";
import { readUpdateNote } from "../../update/update_note.ts";
import { compareVersions } from "../../update/versions.ts";
import type { UpdateParts } from "./update_parts.ts";

/** Slots of an agent that may replace itself. */
export interface OwnSlots {
  readonly root: string;
  readonly slot: string;
}

/**
 * Refuses where this agent cannot replace itself, or may not.
 *
 * @throws {PiriError} FAILED_PRECONDITION, REFUSED, UNSUPPORTED
 */
export async function requireSlots(
  { installed, isAllowed, isRestarted, executable, target, files }: Pick<
    UpdateParts,
    | "installed"
    | "isAllowed"
    | "isRestarted"
    | "executable"
    | "target"
    | "files"
  >,
): Promise<OwnSlots> {
  if (!isAllowed()) {
    throw new PiriError(
      "REFUSED",
      "Cannot update: the owner of this host does it by hand (updates: manual in agent.yaml)",
    );
  }
  if (installed.kind === "package") {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot update: ${executable} belongs to a package; upgrade it by the package manager of this host`,
    );
  }
  if (!/^(linux|windows)-/.test(target)) {
    throw new PiriError(
      "UNSUPPORTED",
      `Cannot update: an agent on ${target} cannot replace itself yet; run piri-agent service install of the new version`,
    );
  }
  if (installed.kind === "loose") {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot update: ${executable} is not installed as a service; run piri-agent service install on the host`,
    );
  }
  const { root, slot } = installed;
  if (!await files.exists(guardPath(root))) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot update: there would be no way back without ${
        guardPath(root)
      }; run ${executable} service install on the host`,
    );
  }
  if (!isRestarted) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      "Cannot update: no service manager started this agent, so nothing would start the new version; run piri-agent service start",
    );
  }
  return { root, slot };
}

/**
 * Refuses while this version is on trial: another note would take the place of its own, and with it the result of the
 * update that led here.
 *
 * @throws {PiriError} FAILED_PRECONDITION, DENIED, DISK
 */
export async function requireNoTrial(
  { slot }: OwnSlots,
  { files, dir }: Pick<UpdateParts, "files" | "dir">,
): Promise<void> {
  const note = await readUpdateNote(files, dir);
  if (note?.state !== "trial" || note.to !== slot) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot update: version ${slot} is on trial by command ${note.id}; wait for its result`,
  );
}

/**
 * Chooses the file of a release for this host.
 *
 * @throws {PiriError} CORRUPT if it is another release; NOT_FOUND if there is no such file
 */
export function fileFor(
  manifest: Manifest,
  { version, product, target }: {
    readonly version: string;
    readonly product: string;
    readonly target: string;
  },
): ManifestFile {
  if (manifest.version !== version) {
    throw new PiriError(
      "CORRUPT",
      `Cannot update to version ${version}: the manifest is that of version ${manifest.version}`,
    );
  }
  const found = manifest.files.find((file) =>
    file.product === product && file.target === target
  );
  if (found !== undefined) return found;
  const targets = manifest.files.filter((file) => file.product === product)
    .map(({ target }) => target).join(", ");
  throw new PiriError(
    "NOT_FOUND",
    `Cannot update to version ${version}: it has no ${product} for ${target}, ${
      targets === "" ? "and none for any other target" : `only for ${targets}`
    }`,
  );
}

/**
 * Refuses versions that must not run any more, and those below the running one.
 *
 * @throws {PiriError} REFUSED
 */
export function requireOrder(
  version: string,
  { running, floor, allowDowngrade }: {
    readonly running: string;
    /** Highest floor that this host has ever seen. */
    readonly floor: string | undefined;
    readonly allowDowngrade: boolean;
  },
): void {
  if (floor !== undefined && compareVersions(version, floor) < 0) {
    throw new PiriError(
      "REFUSED",
      `Cannot update to version ${version}: ${floor} is the lowest that may still be run`,
    );
  }
  if (!allowDowngrade && compareVersions(version, running) < 0) {
    throw new PiriError(
      "REFUSED",
      `Cannot update to version ${version}: it is lower than ${running}, which runs; use --allow-downgrade if you mean it`,
    );
  }
}

/**
 * Refuses where a program of this size would fill the disk.
 *
 * @throws {PiriError} DISK
 */
export async function requireRoom(
  size: number,
  root: string,
  freeBytes: UpdateParts["freeBytes"],
): Promise<void> {
  const needed = 2 * size;
  const free = await freeBytes(root);
  if (free === undefined || free >= needed) return;
  throw new PiriError(
    "DISK",
    `Cannot update: ${root} has ${free} bytes free, and ${needed} are needed`,
  );
}
