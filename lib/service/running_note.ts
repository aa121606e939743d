import { join } from "@std/path";
import { readIfThere, writeFileAtomically } from "../base/files.ts";

/** File in a state folder that tells of the process that serves it. */
const NOTE = "running.json";

/** Process that serves a state folder, by its own words. */
export interface RunningFacts {
  readonly pid: number;
  readonly version: string;
  /** True if the Manager has admitted this agent, false while there is no connection; null in a Manager. */
  readonly connected: boolean | null;
  /** Address, or the reason why there is no connection. */
  readonly detail: string;
  /** True if the file of the program was replaced since the process has started. */
  readonly replaced?: boolean;
  /** True if SIGUSR1 lets it restart. It may end a process that does not say so. */
  readonly restartable?: boolean;
}

/**
 * Writes what a running process tells about itself.
 *
 * @throws {PiriError} DISK, DENIED
 */
export async function writeRunningNote(
  dir: string,
  facts: RunningFacts,
): Promise<void> {
  await writeFileAtomically(join(dir, NOTE), `${JSON.stringify(facts)}\n`);
}

/**
 * Reads what a running process told about itself; undefined if there is nothing that can be read. The process may have
 * ended since.
 *
 * @throws {PiriError} DISK, DENIED
 */
export async function readRunningNote(
  dir: string,
): Promise<RunningFacts | undefined> {
  const text = await readIfThere(join(dir, NOTE));
  if (text === undefined) return undefined;
  try {
    const note = JSON.parse(text);
    const { pid, version, connected, detail, replaced, restartable } = note;
    return {
      pid: Number(pid),
      version: String(version),
      connected: typeof connected === "boolean" ? connected : null,
      detail: String(detail),
      ...replaced === true ? { replaced } : {},
      ...restartable === true ? { restartable } : {},
    };
  } catch {
    return undefined;
  }
}
