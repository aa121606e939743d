import type { Checkpoint } from "../base/checkpoint.ts";
import type {
  AuditCheck,
  AuditPage,
  AuditState,
  CheckpointRecord,
  CommandsCompared,
  NewAudit,
} from "./audit_records.ts";
import { SqlitePlans } from "./sqlite_plans.ts";
import type { StoreArgs as Args } from "./store_args.ts";
import type { Tables } from "./tables.ts";
import type { Writer } from "./writer.ts";

/** Part of the Store on an SQLite database that has the audit. */
export class SqliteAudit extends SqlitePlans {
  readonly #tables: Tables;
  readonly #writer: Writer;

  constructor(parts: ConstructorParameters<typeof SqlitePlans>[0]) {
    super(parts);
    this.#tables = parts.tables;
    this.#writer = parts.writer;
  }

  recordAudit(audit: NewAudit): Promise<void> {
    return this.#writer.write(() => this.#tables.audit.add(audit));
  }

  auditPage(...[range]: Args<"auditPage">): Promise<AuditPage> {
    return this.#writer.read(() => this.#tables.audit.page(range));
  }

  checkAudit(...[after]: Args<"checkAudit">): Promise<AuditCheck> {
    return this.#writer.read(() => this.#tables.audit.check(after));
  }

  auditState(): Promise<AuditState> {
    const { audit, checkpoints } = this.#tables;
    return this.#writer.read(() => ({
      end: audit.end(),
      stub: checkpoints.stub(),
      checkpoint: checkpoints.newest(),
    }));
  }

  auditHashes(
    ...[ids]: Args<"auditHashes">
  ): Promise<(Uint8Array | null)[]> {
    return this.#writer.read(() => this.#tables.audit.hashes(ids));
  }

  lastAuditBefore(...[at]: Args<"lastAuditBefore">): Promise<bigint> {
    return this.#writer.read(() => this.#tables.audit.lastBefore(at));
  }

  addCheckpoint(...[checkpoint]: Args<"addCheckpoint">): Promise<void> {
    return this.#writer.write(() => this.#tables.checkpoints.add(checkpoint));
  }

  checkpoints(...[afterId]: Args<"checkpoints">): Promise<CheckpointRecord[]> {
    return this.#writer.read(() => this.#tables.checkpoints.page(afterId));
  }

  async pruneAudit(stub: Checkpoint, entry: NewAudit): Promise<void> {
    const { audit, checkpoints } = this.#tables;
    const prune = () => audit.deleteSome(stub.count);
    // The stub and the entry go with the first piece: the others are what the stub stands for already.
    let deleted = await this.#writer.write(() => {
      checkpoints.setStub(stub);
      audit.add(entry);
      return prune();
    });
    while (deleted > 0) deleted = await this.#writer.write(prune);
  }

  compareCommands(
    ...[remembered]: Args<"compareCommands">
  ): Promise<CommandsCompared> {
    const { commands, meta } = this.#tables;
    return this.#writer.read(() => {
      const known: number[] = [];
      const other: number[] = [];
      for (const [place, { id, nonce }] of remembered.entries()) {
        const found = commands.nonceOf(id);
        if (found === undefined) continue;
        (found === nonce ? known : other).push(place);
      }
      return {
        known,
        other,
        lastId: commands.lastId(),
        deletedBefore: meta.deletedBefore(),
      };
    });
  }
}
