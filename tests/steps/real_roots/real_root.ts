import { fromFileUrl } from "@std/path";
import type { StepRecord } from "../../../lib/steps/engine/records.ts";
import type { Sheet } from "../../../lib/steps/sheet.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const REPOSITORY = fromFileUrl(new URL("../../../", import.meta.url));

/** Run of a sheet in a throw-away root. */
export interface RootRun {
  readonly message: string;
  readonly steps: readonly StepRecord[];
  readonly output: string;
}

/** Report of a plan, an apply, and both again, in a throw-away root. */
export interface RootReport {
  readonly planned: RootRun;
  readonly applied: RootRun;
  readonly plannedAgain: RootRun;
  readonly appliedAgain: RootRun;
  /** Paths that the plan wrote, and that the second apply changed. */
  readonly plannedPaths: readonly string[];
  readonly againPaths: readonly string[];
  /** Paths that the first apply wrote, but for folders. */
  readonly appliedPaths: readonly string[];
  /** Output of a line for the shell, in that root at the end. */
  readonly seen: string;
}

/**
 * The root is this host's, seen through an overlay: what is written is gone with the namespace. Processes, mounts and
 * the network are its own too.
 */
const SCRIPT = `
set -e
mount -t tmpfs none "$WORK"
mkdir "$WORK/u" "$WORK/w" "$WORK/m"
mount -t overlay none -o "lowerdir=/,upperdir=$WORK/u,workdir=$WORK/w" "$WORK/m"
mount -t proc none "$WORK/m/proc"
for each in /dev "$REPOSITORY" "$DENO_FOLDER"; do
  mkdir -p "$WORK/m$each"
  mount --rbind "$each" "$WORK/m$each"
done
seen() { (cd "$WORK/u"; find . ! -type d -printf '%P %i %s %T@ %C@\\n' | sort); }
within() { chroot "$WORK/m" "$@"; }
steps() { within "$DENO" run -A --no-check "$REPOSITORY/tests/steps/real_roots/run_steps.ts" "$1" < "$WORK/sheet" > "$WORK/$1.$2"; }
printf '%s' "$SHEET" > "$WORK/sheet"
within /bin/sh -c "$PREPARE"
seen > "$WORK/s0"
steps plan 1; seen > "$WORK/s1"
steps apply 1; seen > "$WORK/s2"
steps plan 2
steps apply 2; seen > "$WORK/s3"
cat "$WORK/plan.1" "$WORK/apply.1" "$WORK/plan.2" "$WORK/apply.2"
for pair in s0:s1 s1:s2 s2:s3; do
  echo "-- $pair"
  comm -13 "$WORK/\${pair%:*}" "$WORK/\${pair#*:}"
done
echo "-- seen"
within /bin/sh -c "$LOOK"
`;

/** Plans and applies a sheet twice in a throw-away root. */
export async function inRealRoot(
  sheet: Sheet,
  { prepare = "true", look = "true" }: { prepare?: string; look?: string } = {},
): Promise<RootReport> {
  await using work = await TempFolder.make();
  const { success, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["-m", "-p", "-f", "-n", "-u", "-i", "/bin/bash", "-c", SCRIPT],
    env: {
      WORK: work.path,
      REPOSITORY,
      DENO: Deno.execPath(),
      DENO_FOLDER: await denoFolder(),
      DENO_DIR: await denoFolder(),
      SHEET: JSON.stringify(sheet),
      PREPARE: prepare,
      LOOK: look,
    },
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) {
    throw new Error(`${text}${new TextDecoder().decode(stderr)}`);
  }
  const [runs = "", ...parts] = text.split(/^-- .*\n/m);
  const [planned, applied, plannedAgain, appliedAgain] = runs.trim()
    .split("\n").map((line): RootRun => JSON.parse(line));
  const [plan = [], apply = [], again = []] = parts.map((part) =>
    part.trim().split("\n").filter((line) => line !== "").map((line) =>
      `/${line.replace(/( \S+){4}$/, "")}`
    )
  );
  if (
    planned === undefined || applied === undefined ||
    plannedAgain === undefined || appliedAgain === undefined
  ) throw new Error(text);
  return {
    planned,
    applied,
    plannedAgain,
    appliedAgain,
    plannedPaths: plan,
    appliedPaths: apply,
    againPaths: again,
    seen: parts[3] ?? "",
  };
}

async function denoFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/** Reason that no throw-away root can be made here; undefined if one can. */
export function obstacleToRoots(): string | undefined {
  if (Deno.build.os !== "linux") return "it needs Linux";
  if (Deno.uid() !== 0) return "it needs root";
  try {
    const { success } = new Deno.Command("unshare", {
      args: ["-m", "-p", "-f", "-n", "-u", "-i", "/bin/sh", "-c", TRY],
    }).outputSync();
    return success ? undefined : "this host makes no overlay in a namespace";
  } catch {
    return "it needs unshare of util-linux";
  }
}

const TRY =
  `mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w /mnt/m && mount -t overlay none -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/m && mount -t proc none /mnt/m/proc`;
