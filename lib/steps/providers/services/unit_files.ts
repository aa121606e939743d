/** Folder of the units that people and programs write. */
export const UNIT_FOLDER = "/etc/systemd/system";

/** Folders of units, the one that counts in front. */
export const UNIT_FOLDERS: readonly string[] = [
  UNIT_FOLDER,
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];

/** Paths where the file of a unit may be, the one that counts in front. */
export function definitionsOf(name: string): readonly string[] {
  return UNIT_FOLDERS.map((folder) => `${folder}/${name}`);
}

/** Reasons for which systemd does not enable or disable a unit, by the state of its file. */
const FIXED: ReadonlyMap<string, string> = new Map([
  ["static", "has no [Install] section: others start it"],
  ["indirect", "is enabled through other units"],
  ["generated", "is made by a generator at each start"],
  ["transient", "was made by a program, until the next start"],
  ["alias", "is only another name of a unit"],
  ["bad", "has a file that systemd cannot read"],
  ["", "has no file that could be enabled"],
]);

/** True if a unit is enabled, by the state of its file; undefined if it can be neither enabled nor disabled. */
export function enabledBy(fileState: string): boolean | undefined {
  if (fileState === "enabled") return true;
  // Until the next start only: then it does not start.
  const isOff = ["disabled", "enabled-runtime", "linked", "linked-runtime"];
  return isOff.includes(fileState) ? false : undefined;
}

/** Reason for which a unit can be neither enabled nor disabled; undefined if it can. */
export function whyFixedBy(fileState: string): string | undefined {
  return enabledBy(fileState) === undefined
    ? `it ${FIXED.get(fileState) ?? `is ${fileState}`}`
    : undefined;
}
