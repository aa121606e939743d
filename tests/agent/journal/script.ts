import { assert, assertEquals } from "@std/assert";
import { openJournal } from "../../../lib/agent/journal/disk_journal.ts";
import type {
  Journal,
  JournalEntry,
} from "../../../lib/agent/journal/journal.ts";
import type { JournalLimits } from "../../../lib/agent/journal/limits.ts";
import type { Disk } from "../../../lib/base/disk.ts";
import { codeOf } from "../../../lib/base/errors.ts";
import type { StreamName } from "../../../lib/operations/operation.ts";
import { Seeded } from "../../support/seeded.ts";

/** Small limits, so that a short script reaches all of them. */
export const SMALL_LIMITS: JournalLimits = {
  openCommands: 20,
  offlineOutput: 1_000,
  window: 300,
  segment: 200,
  // All output is read from the disk.
  recent: 0,
  reserve: 4_000,
  reserveRecord: 500,
  reserveOutput: 300,
  compactAt: 900,
};

/** Opens a journal with small limits. */
export function openSmall(
  disk: Disk,
  options: Partial<Parameters<typeof openJournal>[0]> = {},
): Promise<Journal> {
  return openJournal({
    disk,
    random: new Seeded(1),
    machineId: "machine",
    bootId: "boot",
    limits: SMALL_LIMITS,
    ...options,
  });
}

/** Output of a command's stream from one offset to another: each byte is computed from its offset. */
export function printed(
  id: bigint,
  stream: StreamName,
  from: number,
  to: number,
): Uint8Array<ArrayBuffer> {
  const salt = Number(id) * 31 + (stream === "stdout" ? 1 : 2);
  return Uint8Array.from(
    { length: to - from },
    (_, i) => ((from + i) * 7 + ((from + i) >> 8) + salt) & 0xff,
  );
}

/** Reads a stream to its end as a link does, and checks that bytes and cuts together are all of it, in order. */
export async function readAll(
  entry: JournalEntry,
  stream: StreamName,
  { from = 0n, limit = 100 }: { from?: bigint; limit?: number } = {},
): Promise<{ cut: bigint; bytes: number }> {
  let next = from;
  let cut = 0n;
  let bytes = 0;
  for (;;) {
    const piece = await entry.read(stream, next, limit);
    if (piece === undefined) break;
    assertEquals(piece.offset, next + piece.cut);
    assert(piece.bytes.length <= limit);
    assert(piece.bytes.length > 0 || piece.cut > 0n, "an empty piece");
    const at = Number(piece.offset);
    assertEquals(
      piece.bytes,
      printed(entry.id, stream, at, at + piece.bytes.length),
    );
    cut += piece.cut;
    bytes += piece.bytes.length;
    next = piece.offset + BigInt(piece.bytes.length);
  }
  if (next < entry.produced(stream)) {
    throw new Error(`the stream ends at ${next} of ${entry.produced(stream)}`);
  }
  return { cut, bytes };
}

/** Promises of a journal about one command. */
interface Promised {
  readonly id: bigint;
  startAsked: boolean;
  started: boolean;
  finishAsked: boolean;
  finished: boolean;
  forgetAsked: boolean;
  forgotten: boolean;
  /** Count of bytes whose append has resolved. */
  stdout: number;
  /** True if output may be cut, or may never have been stored. */
  mayBeCut: boolean;
  acknowledged: bigint;
}

/** Uses a journal in every way, and remembers its promises. */
export class Script {
  readonly promised = new Map<bigint, Promised>();
  instance: string | undefined;
  newInstanceAsked = false;
  session = 0n;
  lastCommandId = 0n;
  /** Calls that were rejected, with their codes. */
  readonly failures: string[] = [];

  /** Runs the script. Rejects only for errors other than DISK. */
  async run(disk: Disk): Promise<void> {
    const journal = await this.#try(() => openSmall(disk));
    if (journal === undefined) return;
    this.instance = journal.instance;
    await this.#dial(journal);
    await this.#accept(journal, 1n);
    await this.#begin(journal, 1n);
    await this.#print(journal, 1n, 150);
    await this.#print(journal, 1n, 150);
    await this.#acknowledge(journal, 1n, 220n);
    await this.#finish(journal, 1n);
    await Promise.all([
      this.#accept(journal, 2n),
      this.#accept(journal, 3n),
      this.#dial(journal),
    ]);
    await this.#begin(journal, 2n);
    for (let i = 0; i < 12; i++) await this.#print(journal, 2n, 130);
    await this.#forget(journal, 1n);
    await this.#begin(journal, 3n);
    await this.#print(journal, 3n, 40);
    await Promise.all([
      this.#finish(journal, 3n),
      this.#print(journal, 2n, 130),
      this.#accept(journal, 4n),
    ]);
    await this.#acknowledge(journal, 2n, 260n);
    await this.#newInstance(journal);
    await this.#forget(journal, 3n);
    await this.#finish(journal, 2n);
    for (let i = 0; i < 12; i++) await this.#dial(journal);
    await this.#accept(journal, 5n);
    await journal.expire({ now: 1_000, maxAgeMs: 1_000, maxBytes: 1e9 });
    await this.#begin(journal, 5n);
    await this.#print(journal, 5n, 90);
    await this.#forget(journal, 2n);
    await journal[Symbol.asyncDispose]();
  }

  /** Checks that a journal opened after a crash keeps the promises from before it. */
  async check(journal: Journal, crash: "kill" | "power"): Promise<void> {
    if (this.instance !== undefined && !this.newInstanceAsked) {
      assertEquals(journal.instance, this.instance);
    }
    assert(journal.lastCommandId >= this.lastCommandId, "lastCommandId");
    for (const promised of this.promised.values()) {
      await this.#checkEntry(journal, promised, crash);
    }
    assert(await journal.nextSession() > this.session, "session");
  }

  async #checkEntry(
    journal: Journal,
    promised: Promised,
    crash: "kill" | "power",
  ): Promise<void> {
    const { id } = promised;
    const entry = journal.find("manager", id);
    if (promised.forgetAsked) {
      // It may come back after a power cut, because nobody was promised that it would not.
      if (crash === "kill" && promised.forgotten) {
        assertEquals(entry, undefined);
      }
      return;
    }
    assert(entry !== undefined, `command ${id} is lost`);
    assertEquals(entry.command, commandOf(id));
    assertEquals(entry.nonce, id * 10n);
    if (promised.finished) assertEquals(entry.state, "finished");
    if (!promised.finishAsked) assert(entry.state !== "finished");
    if (promised.startAsked && (crash === "power" || promised.started)) {
      assert(entry.state !== "accepted", `command ${id} was started`);
    }
    if (!promised.startAsked && crash === "kill") {
      assertEquals(entry.state, "accepted");
    }
    if (entry.state === "finished") assertEquals(entry.result, resultOf(id));
    const from = promised.acknowledged;
    const { cut } = await readAll(entry, "stdout", { from });
    if (crash === "kill" || promised.finished) {
      assert(entry.produced("stdout") >= BigInt(promised.stdout), "produced");
      if (!promised.mayBeCut) assertEquals(cut, 0n);
    }
  }

  async #try<T>(task: () => Promise<T>): Promise<T | undefined> {
    try {
      return await task();
    } catch (error) {
      if (codeOf(error) !== "DISK") throw error;
      this.failures.push(String(error));
      return undefined;
    }
  }

  async #dial(journal: Journal): Promise<void> {
    const session = await this.#try(() => journal.nextSession());
    if (session === undefined) return;
    assert(session > this.session, `session ${session} after ${this.session}`);
    this.session = session;
  }

  async #accept(journal: Journal, id: bigint): Promise<void> {
    const entry = await this.#try(() =>
      journal.accept({
        id,
        nonce: id * 10n,
        managerId: "manager",
        command: commandOf(id),
      })
    );
    if (entry === undefined) return;
    assert(journal.lastCommandId >= id);
    this.lastCommandId = journal.lastCommandId;
    this.promised.set(id, {
      id,
      startAsked: false,
      started: false,
      finishAsked: false,
      finished: false,
      forgetAsked: false,
      forgotten: false,
      stdout: 0,
      mayBeCut: false,
      acknowledged: 0n,
    });
  }

  async #begin(journal: Journal, id: bigint): Promise<void> {
    await this.#with(journal, id, async (entry, promised) => {
      promised.startAsked = true;
      await entry.started();
      promised.started = true;
      await entry.started({ pid: Number(id), startTime: "77" });
    });
  }

  async #print(journal: Journal, id: bigint, count: number): Promise<void> {
    await this.#with(journal, id, async (entry, promised) => {
      const from = Number(entry.produced("stdout"));
      // Output that is not acknowledged must not exceed the limit, or its middle may be cut.
      const waiting = from + count - Number(promised.acknowledged);
      if (waiting > SMALL_LIMITS.offlineOutput) promised.mayBeCut = true;
      const bytes = printed(id, "stdout", from, from + count);
      await entry.append("stdout", bytes);
      promised.stdout = from + count;
    });
  }

  async #acknowledge(
    journal: Journal,
    id: bigint,
    stdout: bigint,
  ): Promise<void> {
    await this.#with(journal, id, async (entry, promised) => {
      promised.acknowledged = stdout;
      await entry.acknowledge({ stdout, stderr: 0n });
    });
  }

  async #finish(journal: Journal, id: bigint): Promise<void> {
    await this.#with(journal, id, async (entry, promised) => {
      promised.finishAsked = true;
      await entry.finish(resultOf(id));
      promised.finished = true;
    });
  }

  async #forget(journal: Journal, id: bigint): Promise<void> {
    await this.#with(journal, id, async (entry, promised) => {
      promised.forgetAsked = true;
      await journal.forget(entry);
      promised.forgotten = true;
    });
  }

  async #newInstance(journal: Journal): Promise<void> {
    this.newInstanceAsked = true;
    const before = journal.instance;
    await this.#try(async () => {
      await journal.newInstance();
      assert(journal.instance !== before);
    });
  }

  async #with(
    journal: Journal,
    id: bigint,
    task: (entry: JournalEntry, promised: Promised) => Promise<void>,
  ): Promise<void> {
    const entry = journal.find("manager", id);
    const promised = this.promised.get(id);
    if (entry === undefined || promised === undefined) return;
    await this.#try(() => task(entry, promised));
  }
}

/** Bytes of a command of the greatest length. */
export function commandOf(id: bigint): Uint8Array<ArrayBuffer> {
  return new Uint8Array(60).fill(Number(id));
}

/** Bytes of a result. */
export function resultOf(id: bigint): Uint8Array<ArrayBuffer> {
  return new Uint8Array(50).fill(Number(id) + 100);
}
