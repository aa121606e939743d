import {
  CHAIN_START,
  type ChainHead,
  decodeHead,
  HEAD_FILE,
  lineHash,
  linesOf,
  linkOf,
} from "./audit_chain.ts";
import { auditFile, auditFiles, type ReadableDisk } from "./audit_files.ts";
import { decodeLine } from "./audit_line.ts";

/** Verdict on the chain of a record. */
export interface AuditVerdict {
  /** Lines of the chain, a count. */
  readonly lines: number;
  /** Number of its first line; 0 without one. Those before are in files that are gone. */
  readonly first: number;
  /** Sentences about places where the chain is broken, in their order. */
  readonly findings: readonly string[];
  /** Sentences about what the chain does not tell. */
  readonly notes: readonly string[];
}

/** Most findings that are told. */
const MAX_FINDINGS = 100;

/**
 * Checks the chain of a record. The agent may write it meanwhile.
 *
 * @throws {PiriError} DISK
 */
export async function verifyAudit(disk: ReadableDisk): Promise<AuditVerdict> {
  // First, because the agent may add lines while they are read.
  const head = await readHead(disk);
  const walk = new ChainWalk(head === "damaged" ? undefined : head);
  for (const number of await auditFiles(disk)) {
    const lines = await linesOf(disk, number);
    lines.forEach((line, index) =>
      walk.take(line, `line ${index + 1} of ${auditFile(number)}`)
    );
  }
  // The agent may have removed its oldest file since.
  const now = await readHead(disk);
  walk.end(head, typeof now === "object" ? now.first : undefined);
  const { lines, first, findings, notes } = walk;
  return { lines, first, findings: findings.slice(0, MAX_FINDINGS), notes };
}

/** Line that was read last. */
interface Before {
  readonly where: string;
  readonly hash: string;
  /** Undefined for a line without a link. */
  readonly seq: number | undefined;
}

/** Lines of a record, one after the other. */
class ChainWalk {
  lines = 0;
  first = 0;
  readonly findings: string[] = [];
  readonly notes: string[] = [];
  readonly #head: ChainHead | undefined;
  #before: Before | undefined;
  /** Number of the last line of the chain. */
  #last = 0;
  #unchained = 0;
  #hasHead = false;

  constructor(head: ChainHead | undefined) {
    this.#head = head;
  }

  take(line: Uint8Array, where: string): void {
    const link = linkOf(line);
    const hash = lineHash(line);
    if (hash === this.#head?.hash) this.#hasHead = true;
    if (link === undefined) this.#takeUnlinked(line, where);
    else {
      this.lines++;
      if (this.first === 0) this.#begin(link.seq, { prev: link.prev, where });
      else this.#follow(link.seq, { prev: link.prev, where });
      this.#last = link.seq;
    }
    this.#before = { where, hash, seq: link?.seq };
  }

  /** A line of an earlier version, or one that a killed agent has not finished. The line behind it proves its place. */
  #takeUnlinked(line: Uint8Array, where: string): void {
    if (this.first === 0) {
      this.#unchained++;
      return;
    }
    const isWhole = decodeLine(new TextDecoder().decode(line)) !== undefined;
    if (isWhole) {
      this.findings.push(
        `${where} has no hash: it was added, or an earlier version of piri-agent wrote it`,
      );
    } else {
      this.notes.push(
        `${where} is incomplete, as when the agent is killed while it writes`,
      );
    }
  }

  #begin(
    seq: number,
    { prev, where }: { readonly prev: string; readonly where: string },
  ): void {
    this.first = seq;
    const expected = this.#before?.hash ?? CHAIN_START.hash;
    if (seq === 1 && prev !== expected) {
      this.findings.push(
        `what is before ${where}, which is number 1, was changed`,
      );
    }
  }

  #follow(
    seq: number,
    { prev, where }: { readonly prev: string; readonly where: string },
  ): void {
    const last = this.#last;
    const before = this.#before;
    const fits = prev === before?.hash;
    if (fits && seq === last + 1) return;
    if (seq > last + 1) {
      const missing = seq - last === 2
        ? `number ${last + 1} was`
        : `numbers ${last + 1} to ${seq - 1} were`;
      this.findings.push(`before ${where}, ${missing} removed`);
    } else if (seq <= last) {
      this.findings.push(
        `${where} is number ${seq}, and stands behind number ${last}: it was added or moved`,
      );
    } else if (before?.seq === undefined) {
      this.findings.push(`${before?.where} was added or changed`);
    } else {
      this.findings.push(
        `${before.where}, number ${last}, was changed: number ${seq} names another one`,
      );
    }
  }

  end(head: ChainHead | "damaged" | undefined, firstNow?: number): void {
    if (this.#unchained > 0) {
      const lines = this.#unchained === 1
        ? "1 line was"
        : `${this.#unchained} lines were`;
      this.notes.push(
        `${lines} written by an earlier version of piri-agent, without hashes`,
      );
    }
    if (head === "damaged") {
      this.findings.push(`${HEAD_FILE} is damaged`);
    } else if (head === undefined) {
      if (this.lines > 0) {
        this.notes.push(
          `${HEAD_FILE} is missing, as in the first seconds of a record: a cut end would not be found`,
        );
      }
    } else this.#compare(head, firstNow);
  }

  #compare(head: ChainHead, firstNow = head.first): void {
    if (this.first > Math.max(head.first, firstNow) || this.first === 0) {
      this.findings.push(
        `the beginning was cut: number ${head.first} was the first line, and ${
          this.first === 0 ? "there is none now" : `number ${this.first} is now`
        }`,
      );
    }
    if (this.#hasHead) return;
    this.findings.push(
      this.#last < head.seq
        ? `the end was cut: number ${head.seq} was written, and the last one is number ${this.#last}`
        : `number ${head.seq} is not the line that was written: it was changed, or all lines from some place on were made anew`,
    );
  }
}

async function readHead(
  disk: ReadableDisk,
): Promise<ChainHead | "damaged" | undefined> {
  const bytes = await disk.read(HEAD_FILE, 0, await disk.size(HEAD_FILE));
  return bytes.length === 0 ? undefined : decodeHead(bytes) ?? "damaged";
}
