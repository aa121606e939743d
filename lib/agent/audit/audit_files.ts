import type { Disk } from "../../base/disk.ts";

/** Part of a disk that a reader needs. */
export type ReadableDisk = Pick<Disk, "list" | "size" | "read">;

/** Folder of the record in the state folder. */
export const AUDIT_FOLDER = "audit";

const NAME = /^audit-(\d{6,15})\.jsonl$/;

/** Name of a file of the record by its number. */
export function auditFile(number: number): string {
  return `audit-${String(number).padStart(6, "0")}.jsonl`;
}

/** Numbers of the files of the record, oldest first. */
export async function auditFiles(disk: ReadableDisk): Promise<number[]> {
  const numbers = (await disk.list())
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number);
  return numbers.sort((one, other) => one - other);
}
