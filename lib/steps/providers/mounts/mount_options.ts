/** Pairs of options of which one undoes the other, the one that holds without any first. Source: mount(8). */
const FLAGS: readonly (readonly [string, string])[] = [
  ["rw", "ro"],
  ["suid", "nosuid"],
  ["dev", "nodev"],
  ["exec", "noexec"],
  ["diratime", "nodiratime"],
  ["async", "sync"],
  ["symfollow", "nosymfollow"],
  ["nolazytime", "lazytime"],
];

/** Words for times of access, of which the last one given counts. */
const TIMES: readonly string[] = [
  "relatime",
  "noatime",
  "strictatime",
];
const OTHER_TIMES: ReadonlyMap<string, string> = new Map([
  ["atime", "relatime"],
  ["norelatime", "strictatime"],
]);

/** Options that imply others. */
const IMPLIED: ReadonlyMap<string, readonly string[]> = new Map([
  ["user", ["noexec", "nosuid", "nodev"]],
  ["users", ["noexec", "nosuid", "nodev"]],
  ["owner", ["nosuid", "nodev"]],
  ["group", ["nosuid", "nodev"]],
]);

/** Options that only programs read, when the host starts or somebody mounts. */
const OF_PROGRAMS =
  /^(?:auto|noauto|nofail|_netdev|nouser|users?|owner|group|comment=.*|[xX]-.*)$/;

/** Single options of texts in which commas part them, without those that mean nothing. */
export function optionsOf(texts: readonly string[]): string[] {
  const options = texts.flatMap((text) => text.split(","))
    .map((option) => option.trim())
    .filter((option) => option !== "" && option !== "defaults");
  return [...new Set(options)];
}

/** Options for the call that mounts: those that only fstab means are left out. */
export function optionsToMount(options: readonly string[]): string[] {
  return options.flatMap((option) =>
    OF_PROGRAMS.test(option) ? [...IMPLIED.get(option) ?? []] : [option]
  );
}

/**
 * Options that differ between what is wanted and what is mounted, as the kernel would show them. What it adds by itself,
 * and what it does not show, is left out.
 */
export function optionDifferences(
  wanted: readonly string[],
  now: readonly string[],
  { isFuse = false }: { readonly isFuse?: boolean } = {},
): { readonly from: string[]; readonly to: string[] } {
  const [from, to]: [string[], string[]] = [[], []];
  const toMount = optionsToMount(wanted);
  const flags = flagsOf(toMount, "relatime");
  const shown = flagsOf(now, "strictatime");
  // Either the mount or its file system may be read-only.
  if (now.includes("ro")) shown.set("rw", "ro");
  // No times of access at all leave none of folders.
  if (flags.get("time") === "noatime") flags.delete("diratime");
  // Its program adds these.
  const added = isFuse ? ["suid", "dev"] : [];
  for (const [kind, flag] of flags) {
    const is = shown.get(kind);
    const isGiven = toMount.includes(flag) || !added.includes(kind);
    if (is === undefined || is === flag || !isGiven) continue;
    from.push(is);
    to.push(flag);
  }
  for (const option of wanted) {
    const [key = "", value] = parted(option);
    if (value === undefined || OF_PROGRAMS.test(option)) continue;
    const values = now.map(parted).filter(([other]) => other === key)
      .map(([, is = ""]) => is);
    if (values.length === 0 || values.some((is) => isSame(key, value, is))) {
      continue;
    }
    from.push(...values.map((is) => `${key}=${is}`));
    to.push(option);
  }
  return { from, to };
}

export function isSameSet(
  one: readonly string[],
  other: readonly string[],
): boolean {
  return [...new Set(one)].toSorted().join() ===
    [...new Set(other)].toSorted().join();
}

/** Flags by their kinds, with those that hold where none is given. */
function flagsOf(
  options: readonly string[],
  standardTime: string,
): Map<string, string> {
  const flags = new Map<string, string>([["time", standardTime]]);
  for (const [standard] of FLAGS) flags.set(standard, standard);
  for (const option of options) {
    const pair = FLAGS.find((each) => each.includes(option));
    if (pair !== undefined) flags.set(pair[0], option);
    const time = OTHER_TIMES.get(option) ?? option;
    if (TIMES.includes(time)) flags.set("time", time);
  }
  return flags;
}

function parted(option: string): readonly [string, string?] {
  const at = option.indexOf("=");
  return at < 0 ? [option] : [option.slice(0, at), option.slice(at + 1)];
}

function isSame(key: string, wanted: string, is: string): boolean {
  if (wanted === is || is.startsWith(`${wanted}:`)) return true;
  if (/mode$|mask$/.test(key)) return parseInt(wanted, 8) === parseInt(is, 8);
  // Names and parts of a hundred become numbers that only the kernel knows.
  if (/^(?:uid|gid)$/.test(key) && !/^\d+$/.test(wanted)) return true;
  if (wanted.endsWith("%")) return true;
  const [one, other] = [bytesIn(wanted), bytesIn(is)];
  return one !== undefined && one === other;
}

const UNITS = ["", "k", "m", "g", "t"];

function bytesIn(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d+)([kmgt]?)$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * 1_024 ** UNITS.indexOf(unit.toLowerCase());
}
