import { auditFile, auditFiles, type ReadableDisk } from "./audit_files.ts";
import { type AuditLine, decodeLine } from "./audit_line.ts";

/** Lines of a record, and what is wrong with it. */
export interface AuditReading {
  /** Lines in the order in which they were written. */
  readonly lines: readonly AuditLine[];
  /** Sentences about what is missing or cannot be read. */
  readonly troubles: readonly string[];
}

/**
 * Reads the record of a host. The agent may write it meanwhile.
 *
 * @throws {PiriError} DISK
 */
export async function readAudit(disk: ReadableDisk): Promise<AuditReading> {
  const lines: AuditLine[] = [];
  const troubles: string[] = [];
  const decoder = new TextDecoder();
  for (const number of await auditFiles(disk)) {
    const name = auditFile(number);
    // Another file may have begun meanwhile, and this one be gone: then it is empty.
    const bytes = await disk.read(name, 0, await disk.size(name));
    const texts = decoder.decode(bytes).split("\n");
    const last = texts.pop() ?? "";
    let unreadable = 0;
    const take = (text: string): boolean => {
      const line = decodeLine(text);
      if (line === undefined) return false;
      if (line === "unknown") return true;
      lines.push(line);
      if (line.event === "gap") {
        troubles.push(
          `${line.missing} lines are missing before ${
            new Date(line.at).toISOString()
          }: the disk did not take them`,
        );
      }
      return true;
    };
    for (const text of texts) {
      if (text !== "" && !take(text)) unreadable++;
    }
    if (unreadable > 0) {
      troubles.push(
        unreadable === 1
          ? `1 line of ${name} cannot be read and is left out`
          : `${unreadable} lines of ${name} cannot be read and are left out`,
      );
    }
    if (last !== "" && !take(last)) {
      troubles.push(`the last line of ${name} is incomplete and is left out`);
    }
  }
  return { lines, troubles };
}
