import { fromFileUrl } from "@std/path";
import type { StepRecord } from "../../../lib/steps/engine/records.ts";
import type { Sheet } from "../../../lib/steps/sheet.ts";
import type { RootCase } from "./root_case.ts";
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
  /** Everything that the upper layer holds after the first plan, and after the first apply. See `writtenIn`. */
  readonly writtenByPlan: readonly string[];
  readonly writtenByApply: readonly string[];
  /** Paths that the second plan or apply wrote, with their facts. */
  readonly movedAgain: readonly string[];
  /** Output of a line for the shell, in that root at the end. */
  readonly seen: string;
}

/**
 * The root is this host's, seen through two overlays: one takes what prepares it, the other one what the steps write.
 * Both are gone with the namespace. Processes, mounts and the network are its own too.
 */
const SCRIPT = `
set -e
mount -t tmpfs none "$WORK"
cd "$WORK"
mkdir -p prepared prepared-work root upper upper-work lower/prepared
join() {
  mount -t overlay none -o "lowerdir=$1,upperdir=$2,workdir=$2-work" root
  mount -t proc none root/proc
  mount --rbind /dev root/dev
  mount -t tmpfs none root/run
}
ip link set lo up
join / prepared
mkdir -p "root$REPOSITORY" "root$DENO_FOLDER" "root$WORK"
chroot root /bin/sh -c "$PREPARE" >&2
umount -l root
mount -t overlay none -o "lowerdir=prepared:/" lower/prepared
join prepared:/ upper
for each in "$REPOSITORY" "$DENO_FOLDER" "$WORK"; do mount --rbind "$each" "root$each"; done
printf '%s' "$REQUEST" > request
chroot root /bin/sh -c "$START" >&2
chroot root "$DENO" run -A --no-check "$REPOSITORY/tests/steps/real_roots/run_steps.ts" < request
chroot root /bin/sh -c "$LOOK" || true
`;

/** Plans and applies a sheet twice in a throw-away root. */
export async function inRealRoot(
  sheet: Sheet,
  { prepare = "true", look = "true", start = "true", serve }: Pick<
    RootCase,
    "prepare" | "look" | "start" | "serve"
  > = {},
): Promise<RootReport> {
  await using work = await TempFolder.make();
  const layers = { upper: work.at("upper"), lower: work.at("lower/prepared") };
  const { success, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["-m", "-p", "-f", "-n", "-u", "-i", "/bin/bash", "-c", SCRIPT],
    env: {
      WORK: work.path,
      REPOSITORY,
      DENO: Deno.execPath(),
      DENO_FOLDER: await denoFolder(),
      DENO_DIR: await denoFolder(),
      REQUEST: JSON.stringify({ sheet, layers, serve }),
      PREPARE: prepare,
      START: start,
      LOOK: look,
    },
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) {
    throw new Error(`${text}${new TextDecoder().decode(stderr)}`);
  }
  const end = text.indexOf("\n");
  return { ...JSON.parse(text.slice(0, end)), seen: text.slice(end + 1) };
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
