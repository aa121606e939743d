import { encodeHex } from "@std/encoding/hex";
import type { Disk } from "../../base/disk.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import { type Logger, logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Expiry, Journal, JournalEntry } from "./journal.ts";
import { DiskEntry, type EntryContext } from "./entry.ts";
import { expireEntries, sizeOf } from "./expire_entries.ts";
import { JOURNAL_LIMITS, type JournalLimits } from "./limits.ts";
import { type LoadedEntry, type LoadedJournal, loadJournal } from "./load.ts";
import { JournalLog } from "./log.ts";
import type { Header, JournalRecord } from "./record.ts";
import { type CommandName, hasUniqueId } from "./record_bytes.ts";
import { findSegments, removeOrphans } from "./output_files.ts";
import { RecentBudget } from "./recent.ts";
import { Reserve } from "./reserve.ts";

/** Parts of a journal. It alone uses the disk until it is closed, and does not close the disk. */
export interface JournalOptions {
  readonly disk: Disk;
  readonly random: Random;
  /** Identifies this machine, so that a copied disk is noticed. */
  readonly machineId: string;
  /**
   * Identifies the current boot of the system. Only within the same boot can the journal be sure that a command of an
   * earlier agent was never started: a power cut loses data that was not synced.
   */
  readonly bootId?: string;
  /** Shrinks an encoded CommandResult to its id, status, exit code and times. */
  readonly shrinkResult?: (result: Uint8Array) => Uint8Array;
  readonly limits?: Partial<JournalLimits>;
  readonly log?: Logger;
}

/**
 * Opens the journal on a disk, or creates one.
 *
 * A journal that is damaged or comes from another machine becomes a new instance; `lastCommandId` and `session`
 * continue above all numbers that were read. A damaged journal keeps everything that can be read. A journal of another
 * machine keeps the finished commands, because their results are true anywhere; the others are dropped, because they
 * may still run there.
 *
 * @throws {PiriError} DISK; CORRUPT if a newer build wrote it.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { disk, random, log = logger("agent", "journal") } = options;
  const limits = { ...JOURNAL_LIMITS, ...options.limits };
  const loaded = await loadJournal(disk, log);
  const reserve = new Reserve(disk, random, limits.reserve, log);
  await reserve.open();
  const journal = new DiskJournal(options, { limits, log, reserve, loaded });
  await journal.recover(loaded);
  return journal;
}

class DiskJournal implements Journal {
  readonly #random: Random;
  readonly #disk: Disk;
  readonly #log: Logger;
  readonly #limits: JournalLimits;
  readonly #reserve: Reserve;
  readonly #lines: JournalLog;
  readonly #context: EntryContext;
  readonly #entries = new Map<number, DiskEntry>();
  readonly #machineId: string;
  readonly #bootId: string;
  #instance: string;
  #session: bigint;
  /** Highest session that was asked for. */
  #dials: bigint;
  #lastCommandId: bigint;
  /** Highest id that accept was called with, including calls under way. */
  #highest: bigint;
  #nextKey: number;
  #accepting = 0;

  constructor(
    { disk, random, machineId, bootId = "", shrinkResult = (r) => r }:
      JournalOptions,
    { limits, log, reserve, loaded }: {
      limits: JournalLimits;
      log: Logger;
      reserve: Reserve;
      loaded: LoadedJournal;
    },
  ) {
    this.#disk = disk;
    this.#random = random;
    this.#machineId = machineId;
    this.#bootId = bootId;
    this.#limits = limits;
    this.#log = log;
    this.#reserve = reserve;
    this.#instance = loaded.header?.instance ?? "";
    this.#session = loaded.session;
    this.#dials = loaded.session;
    this.#lastCommandId = loaded.lastCommandId;
    this.#highest = loaded.lastCommandId;
    this.#nextKey = loaded.nextKey;
    this.#lines = new JournalLog({
      disk,
      reserve,
      log,
      compactAt: limits.compactAt,
      snapshot: () => this.#records(),
      size: loaded.size,
      torn: loaded.torn,
    });
    this.#context = {
      disk,
      reserve,
      limits,
      log,
      recent: new RecentBudget(limits.recent),
      lines: this.#lines,
      shrinkResult,
    };
  }

  get instance(): string {
    return this.#instance;
  }

  get lastCommandId(): bigint {
    // Includes ids that could not be stored: such a command would be refused again, so a Manager must not reuse its id.
    return this.#highest;
  }

  get size(): number {
    return sizeOf([...this.#entries.values()]);
  }

  get logSize(): number {
    return this.#lines.size;
  }

  /** Takes over the commands of an earlier agent. Called once. */
  async recover(loaded: LoadedJournal): Promise<void> {
    const { header, damaged } = loaded;
    const moved = header !== undefined && header.machineId !== this.#machineId;
    const rebooted = this.#bootId === "" || header?.bootId !== this.#bootId;
    const segments = await findSegments(this.#disk);
    const doubtful: DiskEntry[] = [];
    for (const entry of loaded.entries.values()) {
      if (moved && entry.state !== "finished") continue;
      if (entry.state === "accepted" && (damaged || rebooted)) {
        entry.state = "running";
        doubtful.push(await this.#recoverEntry(entry, segments));
      } else {
        await this.#recoverEntry(entry, segments);
      }
    }
    for (const prefix of segments.keys()) {
      this.#nextKey = Math.max(this.#nextKey, Number.parseInt(prefix) + 1);
    }
    await removeOrphans(this.#disk, {
      keys: this.#entries.keys(),
      log: this.#log,
    });
    if (rebooted) {
      for (const entry of this.#entries.values()) await entry.removeReturned();
    }
    if (header === undefined || moved || damaged) {
      await this.#startOver({ moved, damaged });
    } else if (rebooted) {
      await this.#noteBoot(doubtful);
    }
    await this.#reserve.fill();
  }

  entries(): readonly JournalEntry[] {
    return [...this.#entries.values()].sort((a, b) =>
      a.id < b.id ? -1 : a.id > b.id ? 1 : a.key - b.key
    );
  }

  find(
    managerId: string,
    id: bigint,
    nonce?: bigint,
  ): JournalEntry | undefined {
    // Ids of legacy Managers repeat; the newest entry is meant.
    return [...this.#entries.values()].findLast((entry) =>
      entry.id === id && entry.managerId === managerId &&
      (nonce === undefined || entry.nonce === nonce)
    );
  }

  async nextSession(): Promise<bigint> {
    const session = ++this.#dials;
    await this.#lines.write({ kind: "session", session }, {
      durable: true,
      floor: 0,
      apply: () => this.#session = session,
    });
    return session;
  }

  async newInstance(): Promise<void> {
    const instance = this.#makeInstance();
    await this.#lines.write({ ...this.#header(), instance }, {
      durable: true,
      floor: 0,
      apply: () => this.#instance = instance,
    });
  }

  async accept(
    command: CommandName & { readonly command: Uint8Array },
  ): Promise<JournalEntry> {
    this.#requireNew(command);
    const { id, nonce, managerId } = command;
    const key = this.#nextKey++;
    const bytes = command.command.slice();
    const entry = new DiskEntry({
      key,
      name: { id, nonce, managerId },
      command: bytes,
      state: "accepted",
      processes: [],
      result: undefined,
      seenAt: undefined,
    }, this.#context);
    const small = bytes.length <= this.#limits.reserveRecord;
    this.#accepting++;
    try {
      await this.#lines.write(
        { kind: "accepted", key, id, nonce, managerId, command: bytes },
        {
          durable: true,
          ...(small ? { floor: this.#limits.reserve / 2 } : {}),
          apply: () => {
            this.#entries.set(key, entry);
            if (hasUniqueId(command) && id > this.#lastCommandId) {
              this.#lastCommandId = id;
            }
          },
        },
      );
      return entry;
    } finally {
      this.#accepting--;
    }
  }

  async forget(entry: JournalEntry): Promise<void> {
    if (!(entry instanceof DiskEntry) || !this.#entries.has(entry.key)) return;
    const { key } = entry;
    try {
      await this.#lines.write({ kind: "forgotten", key }, {
        apply: () => this.#entries.delete(key),
      });
    } catch (error) {
      // If the disk fails, the entry is back when the agent starts again, and the Manager acknowledges it again.
      this.#entries.delete(key);
      this.#log.warn("Cannot note that command {id} is forgotten: {reason}", {
        id: entry.id,
        reason: messageOf(error),
      });
    }
    await entry.forget();
    await this.#reserve.fill();
  }

  async expire({ now, maxAgeMs, maxBytes }: Expiry): Promise<number> {
    const entries = [...this.#entries.values()];
    const expired = await expireEntries(entries, { now, maxAgeMs, maxBytes });
    if (expired > 0) {
      this.#log.warn("Gave up {expired} bytes of output and results", {
        expired,
        maxAgeMs,
        maxBytes,
      });
      await this.#lines.rewrite().catch((error) =>
        this.#log.warn("Cannot shorten the journal: {reason}", {
          reason: messageOf(error),
        })
      );
    }
    await this.#reserve.fill();
    return expired;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lines.close();
  }

  #requireNew(command: CommandName): void {
    const { id } = command;
    if (this.#entries.size + this.#accepting >= this.#limits.openCommands) {
      throw new PiriError(
        "BUSY",
        `Cannot keep command ${id}: ${this.#limits.openCommands} are not acknowledged, which is the limit`,
      );
    }
    if (!hasUniqueId(command)) return;
    if (id <= this.#highest) {
      throw new PiriError(
        "REFUSED",
        `Cannot keep command ${id}: its id is not above ${this.#highest}`,
      );
    }
    this.#highest = id;
  }

  async #recoverEntry(
    loaded: LoadedEntry,
    segments: Awaited<ReturnType<typeof findSegments>>,
  ): Promise<DiskEntry> {
    const entry = await DiskEntry.recover(loaded, segments, this.#context);
    this.#entries.set(entry.key, entry);
    return entry;
  }

  async #startOver(
    { moved, damaged }: { moved: boolean; damaged: boolean },
  ): Promise<void> {
    this.#instance = this.#makeInstance();
    if (moved) this.#log.warn("The journal is another machine's: starts over");
    if (damaged) {
      this.#log.error("The journal is damaged: {kept} commands could be read", {
        kept: this.#entries.size,
      });
    }
    await this.#lines.rewrite();
  }

  /** Records that these commands may have run, durably, before it records the new boot. */
  async #noteBoot(doubtful: readonly DiskEntry[]): Promise<void> {
    try {
      for (const entry of doubtful) await entry.started();
      await this.#lines.write(this.#header(), { floor: 0 });
    } catch (error) {
      // The next agent does not recognize this boot, and is as careful as this one.
      this.#log.warn("Cannot note the start of the system: {reason}", {
        reason: messageOf(error),
      });
    }
  }

  #makeInstance(): string {
    return encodeHex(this.#random.bytes(16));
  }

  #header(): { readonly kind: "header" } & Header {
    return {
      kind: "header",
      instance: this.#instance,
      machineId: this.#machineId,
      bootId: this.#bootId,
      session: this.#session,
      lastCommandId: this.#lastCommandId,
      nextKey: this.#nextKey,
    };
  }

  #records(): JournalRecord[] {
    return [
      this.#header(),
      ...[...this.#entries.values()].flatMap((entry) => entry.records()),
    ];
  }
}
