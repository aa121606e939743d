import { encodeHex } from "@std/encoding/hex";
import type { Disk } from "../../base/disk.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import { type Logger, logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { Expiry, Journal, JournalEntry } from "./journal.ts";
import { DiskEntry, type EntryContext } from "./entry.ts";
import { JOURNAL_LIMITS, type JournalLimits } from "./limits.ts";
import {
  findSegments,
  type LoadedEntry,
  type LoadedJournal,
  loadJournal,
} from "./load.ts";
import { JournalLog } from "./log.ts";
import {
  type CommandName,
  hasUniqueId,
  type Header,
  type JournalRecord,
} from "./record.ts";
import { RecentBudget } from "./recent.ts";
import { Reserve } from "./reserve.ts";

/** What a journal needs. It uses the disk alone until it is closed, and does not close it. */
export interface JournalOptions {
  readonly disk: Disk;
  readonly random: Random;
  /** Names this machine: a copied disk is noticed by it. */
  readonly machineId: string;
  /**
   * Names the time since the system started. Only with the same name can it be said of a command of an earlier agent
   * that it was never started: a power cut takes what was not synced.
   */
  readonly bootId?: string;
  /** What must stay of an encoded CommandResult: id, status, exit code and times. */
  readonly shrinkResult?: (result: Uint8Array) => Uint8Array;
  readonly limits?: Partial<JournalLimits>;
  readonly log?: Logger;
}

/**
 * Opens the journal on a disk, or makes one.
 *
 * One that is damaged, or another machine's, becomes a new instance; `lastCommandId` and `session` go on above all that
 * was read. Of a damaged one all that can be read stays. Of another machine's the finished commands stay, for they are
 * true wherever they are told; the others go, for they may still run there.
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
  /** The highest session that was asked for. */
  #dials: bigint;
  #lastCommandId: bigint;
  /** The highest id that accept was asked for; those under way included. */
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
    // One that could not be kept counts, too: it would be refused again, so a Manager must not give its id again.
    return this.#highest;
  }

  get size(): number {
    return sizeOf([...this.#entries.values()]);
  }

  get logSize(): number {
    return this.#lines.size;
  }

  /** Takes over what an earlier agent left. Called once. */
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
    await this.#removeOrphans(segments.keys());
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
    // The ids of legacy Managers repeat: the newest is meant.
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
      // It comes back when the agent starts again, and the Manager says once more that it may be forgotten.
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
    const before = sizeOf(entries);
    for (const entry of entries) {
      if (entry.state !== "finished") continue;
      const age = now - (entry.seenAt ?? Infinity);
      // A clock that was wrong then or is now would make everything old at once.
      if (!(age >= 0 && age <= 10 * maxAgeMs)) await entry.see(now);
      else if (age > maxAgeMs) await entry.expire();
    }
    const finished = entries.filter(({ state }) => state === "finished");
    const others = entries.filter(({ state }) => state !== "finished");
    for (const entry of [...finished, ...others]) {
      if (sizeOf(entries) <= maxBytes) break;
      await entry.expire();
    }
    const expired = before - sizeOf(entries);
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

  /** Says durably enough that these may have run before it says that the system was started. */
  async #noteBoot(doubtful: readonly DiskEntry[]): Promise<void> {
    try {
      for (const entry of doubtful) await entry.started();
      await this.#lines.write(this.#header(), { floor: 0 });
    } catch (error) {
      // The next agent takes this start of the system for another one, and is as careful.
      this.#log.warn("Cannot note the start of the system: {reason}", {
        reason: messageOf(error),
      });
    }
  }

  async #removeOrphans(prefixes: Iterable<string>): Promise<void> {
    const wanted = new Set(
      [...this.#entries.keys()].flatMap((key) => [`${key}.1.`, `${key}.2.`]),
    );
    for (const prefix of prefixes) {
      this.#nextKey = Math.max(this.#nextKey, Number.parseInt(prefix) + 1);
    }
    for (const name of await this.#disk.list()) {
      const [, prefix] = /^(\d+\.[12]\.)\d+$/.exec(name) ?? [];
      if (prefix === undefined || wanted.has(prefix)) continue;
      await this.#disk.remove(name).catch((error) =>
        this.#log.warn("Cannot remove {name}: {reason}", {
          name,
          reason: messageOf(error),
        })
      );
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

function sizeOf(entries: readonly DiskEntry[]): number {
  return entries.reduce((sum, { size }) => sum + size, 0);
}
