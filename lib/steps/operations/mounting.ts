import { PiriError } from "../../base/errors.ts";
import type { HostReader, HostWriter, Thing } from "../host/host.ts";
import { FSTAB } from "../providers/mounts/fstab.ts";
import { optionsOf } from "../providers/mounts/mount_options.ts";
import { holdersOf } from "../providers/mounts/holders.ts";
import type { Check } from "../step_operation.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import { changeEdit, type TextEdit } from "./edited_text.ts";

/** Paths that a running system needs as they are. */
const NEEDED: ReadonlySet<string> = new Set([
  "/",
  "/boot",
  "/dev",
  "/etc",
  "/proc",
  "/run",
  "/sys",
  "/usr",
  "/var",
]);

/** Parameter of steps that keep a line of fstab. */
export const PERSIST = {
  type: "switch",
  description: `False to leave ${FSTAB} alone`,
  standard: "true",
} as const;

export function mountThing(path: string): Thing {
  return { kind: "mount", name: path };
}

/** Path of the folder where something is mounted, without links above it. */
export function mountPath(path: string, reader: HostReader): string {
  const plain = path.replace(/(.)\/+$/, "$1");
  return plain === "/" ? plain : reader.realPath(plain);
}

/** Changes of fstab by a check, with a word for what they are about. */
export function fstabChanges(check: Check): Check["changes"] {
  return check.changes.map((change) =>
    change.what === "content" ? { ...change, what: "fstab" } : change
  );
}

/** Writes fstab, and lets systemd make its units of it. */
export async function changeFstab(
  edit: TextEdit,
  writer: HostWriter,
): Promise<void> {
  const before = await shaOf(writer);
  await changeEdit(edit, writer);
  const isRunning = writer.followed("/run/systemd/system") !== undefined;
  if (before === await shaOf(writer) || !isRunning) return;
  await writer.run({ argv: ["systemctl", "daemon-reload"] });
}

async function shaOf(reader: HostReader): Promise<string | undefined> {
  return reader.followed(FSTAB)?.kind === "file"
    ? (await reader.content(FSTAB)).sha256
    : undefined;
}

/** Refuses to take away what the system needs. */
export function requireNotNeeded(path: string): void {
  if (!NEEDED.has(path) && !/^\/(?:dev|proc|sys)\//.test(path)) return;
  throw new PiriError(
    "REFUSED",
    `Cannot unmount "${path}": the running system needs it`,
  );
}

/**
 * Takes away what is mounted at a path.
 *
 * @throws {PiriError} FAILED_PRECONDITION, with those who use it
 */
export async function unmount(path: string, writer: HostWriter): Promise<void> {
  const { code } = await writer.run({
    argv: ["umount", path],
    env: { LC_ALL: "C.UTF-8" },
  });
  if (code === 0) return;
  const holders = await holdersOf(path, writer);
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot unmount "${path}": ${
      holders.length === 0
        ? `umount ended with exit code ${code}`
        : `it is used by ${holders.join(", ")}`
    }`,
  );
}

/** @throws {WrongValue} for a path that fstab cannot have */
export function requireMountPath(path: string): void {
  // deno-lint-ignore no-control-regex
  if (!/[\x00-\x1f\x7f]/.test(path)) return;
  throw new WrongValue(
    ["path"],
    `${quoted(path)} has control characters, which fstab cannot have`,
  );
}

/**
 * Refuses what fstab and mount cannot have.
 *
 * @throws {WrongValue}
 */
export function validateMount(
  { path, source, fstype, options = [] }: {
    readonly path: string;
    readonly source: string;
    readonly fstype: string;
    readonly options?: readonly string[];
  },
): void {
  requireMountPath(path);
  // deno-lint-ignore no-control-regex
  if (!/^[^-\s\x00-\x1f][^\x00-\x1f\x7f]*$/.test(source)) {
    throw new WrongValue(
      ["source"],
      `${
        quoted(source)
      } is no source; write a device, UUID=..., LABEL=..., a share or a folder`,
    );
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(fstype) || fstype === "swap") {
    throw new WrongValue(
      ["fstype"],
      `${quoted(fstype)} is no type of a file system to mount, as ext4`,
    );
  }
  for (const [index, text] of options.entries()) {
    const all = optionsOf([text]);
    const wrong = all.find((each) => !/^[!-~]+$/.test(each));
    if (wrong !== undefined) {
      throw new WrongValue(
        ["options", index],
        `${quoted(wrong)} is no option, as noatime`,
      );
    }
    if (all.includes("remount")) {
      throw new WrongValue(
        ["options", index],
        "remount is no option of it: that is done as needed; leave it out",
      );
    }
  }
}
