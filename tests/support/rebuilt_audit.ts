import type { DatabaseSync } from "node:sqlite";
import { entryHash, genesisHash } from "../../lib/store/audit_chain.ts";
import type { AuditRecord } from "../../lib/store/audit_records.ts";

/** Makes all hashes of an audit anew, and the end that the Manager keeps, as one who can write its database would. */
export function rebuilt(db: DatabaseSync, managerId: string): void {
  let hash: Uint8Array = genesisHash(managerId);
  let id = 0n;
  const rows = db.prepare("SELECT * FROM audit ORDER BY id");
  rows.setReadBigInts(true);
  for (const row of rows.all()) {
    const entry = { ...row, at: Number(row["at"]) } as unknown as AuditRecord;
    hash = entryHash(hash, entry);
    id = entry.id;
    db.prepare("UPDATE audit SET hash = ? WHERE id = ?").run(hash, id);
  }
  db.prepare("UPDATE meta SET audit_last_id = ?, audit_head = ?")
    .run(id, hash);
}
