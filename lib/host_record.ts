import { join } from "@std/path";
import { AUDIT_FOLDER, type ReadableDisk } from "./agent/audit/audit_files.ts";
import { hostCommands } from "./agent/audit/host_commands.ts";
import { readAudit } from "./agent/audit/read_audit.ts";
import { verifyAudit } from "./agent/audit/verify_audit.ts";
import { codeOf, PiriError } from "./base/errors.ts";
import { exists } from "./base/files.ts";
import { readOnlyDisk } from "./base/read_only_disk.ts";
import type { HostRecord, RecordVerdict } from "./cli/agent/services.ts";

/**
 * Reads the host's own record of its commands. Takes no lock: the agent may run.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the folder is no agent's; DENIED if this user may not; DISK
 */
export function readHostRecord(dir: string): Promise<HostRecord> {
  return inRecord(dir, async (disk) => {
    const { lines, troubles } = await readAudit(disk);
    return { commands: hostCommands(lines), troubles };
  }, { commands: [], troubles: [] });
}

/** Checks the chain of the host's own record. Throws as `readHostRecord`. */
export function verifyHostRecord(dir: string): Promise<RecordVerdict> {
  return inRecord(dir, verifyAudit, {
    lines: 0,
    first: 0,
    findings: [],
    notes: ["this host has no record yet"],
  });
}

async function inRecord<Result>(
  dir: string,
  read: (disk: ReadableDisk) => Promise<Result>,
  none: Result,
): Promise<Result> {
  try {
    return await read(readOnlyDisk(join(dir, AUDIT_FOLDER)));
  } catch (error) {
    if (codeOf(error) === "DENIED") {
      throw new PiriError(
        "DENIED",
        `Cannot read the record in "${dir}": this user may not, only the one that runs the agent`,
        { cause: error },
      );
    }
    if (codeOf(error) !== "NOT_FOUND") throw error;
    // An agent that never got a command has no record yet.
    if (await exists(join(dir, "agent.yaml"))) {
      return none;
    }
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot read the record in "${dir}": no agent keeps its state there; use --dir`,
      { cause: error },
    );
  }
}
