import type { Audit } from "./audit.ts";
import type { NewAudit } from "./audit_records.ts";
import type { Writer, WriteSize } from "./writer.ts";

/** Options of a write that records an act. */
interface ActOptions<T> {
  readonly size?: WriteSize;
  /** Makes the outcome of the result; undefined if nothing was changed, and then there is no entry. */
  readonly outcome?: (result: T) => string | undefined;
}

/** Writes acts of users, each in one transaction with its entry in the audit. */
export class ActWriter {
  readonly #writer: Writer;
  readonly #audit: Audit;

  constructor(writer: Writer, audit: Audit) {
    this.#writer = writer;
    this.#audit = audit;
  }

  /** Asks for a write, as the writer does. Without an entry it is a write like any other. */
  write<T>(
    audit: NewAudit | undefined,
    run: () => T,
    { size, outcome }: ActOptions<T> = {},
  ): Promise<T> {
    return this.#writer.write(() => {
      const result = run();
      const told = outcome === undefined ? audit?.outcome : outcome(result);
      if (audit !== undefined && told !== undefined) {
        this.#audit.add({ ...audit, outcome: told });
      }
      return result;
    }, size);
  }
}
