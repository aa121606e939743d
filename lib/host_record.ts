import { join } from "@std/path";
import { AUDIT_FOLDER } from "./agent/audit/audit_files.ts";
import { hostCommands } from "./agent/audit/host_commands.ts";
import { readAudit } from "./agent/audit/read_audit.ts";
import { codeOf, PiriError } from "./base/errors.ts";
import { exists } from "./base/files.ts";
import { readOnlyDisk } from "./base/read_only_disk.ts";
import type { HostRecord } from "./cli/agent/services.ts";

/**
 * Reads the host's own record of its commands. Takes no lock: the agent may run.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the folder is no agent's; DENIED if this user may not; DISK
 */
export async function readHostRecord(dir: string): Promise<HostRecord> {
  try {
    const { lines, troubles } = await readAudit(
      readOnlyDisk(join(dir, AUDIT_FOLDER)),
    );
    return { commands: hostCommands(lines), troubles };
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
      return { commands: [], troubles: [] };
    }
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot read the record in "${dir}": no agent keeps its state there; use --dir`,
      { cause: error },
    );
  }
}
