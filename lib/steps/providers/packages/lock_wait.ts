import { sleep } from "../../../base/clock.ts";
import { PiriError } from "../../../base/errors.ts";
import type { HostReader, HostWriter } from "../../host/host.ts";
import { NEUTRAL } from "./ask_manager.ts";
import type { PackageManager } from "./package_manager.ts";

/** Longest wait for a lock, and time between two looks at it, in milliseconds. */
const WAIT_MS = 600_000;
const LOOK_MS = 1_000;

/**
 * Waits until nobody else changes packages, and tells for whom it waits.
 *
 * @throws {PiriError} TIMED_OUT after 10 minutes; CANCELLED
 */
export async function waitForLock(
  manager: PackageManager,
  writer: HostWriter,
): Promise<void> {
  const { clock, signal } = writer;
  const end = clock.monotonic() + WAIT_MS;
  let told: string | undefined;
  for (;;) {
    const holder = await holderOf(manager, writer);
    if (holder === undefined) return;
    if (signal.aborted) {
      throw new PiriError(
        "CANCELLED",
        `Cannot change packages: the command was cancelled while it waited for ${holder}`,
      );
    }
    if (clock.monotonic() >= end) {
      throw new PiriError(
        "TIMED_OUT",
        `Cannot change packages: ${holder} has kept the lock of ${manager.name} for 10 minutes; end it, or wait and plan again`,
      );
    }
    if (told !== holder) {
      await writer.tell(
        `waits for the lock of ${manager.name}: ${holder} has it`,
      );
    }
    told = holder;
    await sleep(clock, LOOK_MS, signal);
  }
}

/** Holder of a manager's lock, in words; undefined if nobody has it. */
async function holderOf(
  { locks, lockFile }: PackageManager,
  reader: HostReader,
): Promise<string | undefined> {
  if (lockFile !== undefined) {
    return reader.facts(lockFile) === undefined
      ? undefined
      : `the holder of "${lockFile}"`;
  }
  const paths = locks.filter((path) => reader.followed(path) !== undefined);
  if (paths.length === 0) return undefined;
  const { stdout: numbers } = await look(
    ["stat", "-L", "-c", "%i", "--", ...paths],
    reader,
  );
  const { stdout: table } = await look(["cat", "/proc/locks"], reader);
  const holders = holdersIn(table, new Set(numbers.split("\n")));
  for (const pid of holders) {
    // Files of other file systems have the same numbers.
    const { code, stdout: open } = await look(
      ["find", `/proc/${pid}/fd`, "-lname", "*lock*"],
      reader,
    );
    if (code === 0 && open === "") continue;
    const { stdout: name } = await look(["cat", `/proc/${pid}/comm`], reader);
    return name === "" ? `process ${pid}` : `${name.trim()} (process ${pid})`;
  }
  return undefined;
}

function look(argv: readonly string[], reader: HostReader) {
  return reader.ask({ argv, cwd: "/", env: NEUTRAL });
}

/** Processes that have locked a file with one of these numbers, by the kernel's table of locks. */
export function holdersIn(
  table: string,
  numbers: ReadonlySet<string>,
): readonly string[] {
  return table.split("\n").flatMap((line) => {
    // Those that wait for a lock have an arrow.
    const [, pid, number = ""] = line.match(
      /^\d+: (?:POSIX|FLOCK|OFDLCK)\s+\S+\s+WRITE\s+(\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /,
    ) ?? [];
    return pid !== undefined && numbers.has(number) ? [pid] : [];
  });
}
