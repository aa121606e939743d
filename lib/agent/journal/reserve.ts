import type { Disk } from "../../base/disk.ts";
import type { Logger } from "../../base/log.ts";
import { messageOf } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { Turns } from "../../base/turns.ts";

const FILE = "reserve";

/** Size of one write, in bytes. */
const PIECE = 65_536;

/** Count of steps in which the reserve is given back, approximately. */
const STEPS = 16;

/** Disk space that is put aside, so that commands can still repair a full disk. */
export class Reserve {
  readonly #disk: Disk;
  readonly #random: Random;
  readonly #limit: number;
  readonly #log: Logger;
  readonly #turns = new Turns();
  #size = 0;

  constructor(disk: Disk, random: Random, limit: number, log: Logger) {
    this.#disk = disk;
    this.#random = random;
    this.#limit = limit;
    this.#log = log;
  }

  /** Bytes that are put aside now. */
  get size(): number {
    return this.#size;
  }

  /** Finds the reserve of an earlier agent, and fills it up. Never rejects. */
  async open(): Promise<void> {
    await this.#turns.run(async () => {
      try {
        this.#size = await this.#disk.size(FILE);
      } catch (error) {
        this.#complain("look at", error);
      }
    });
    await this.fill();
  }

  /** Fills the reserve up, as far as the disk has space. Never rejects. */
  async fill(): Promise<void> {
    if (this.#size >= this.#limit) return;
    await this.#turns.run(async () => {
      const before = this.#size;
      try {
        while (this.#size < this.#limit) {
          // Random bytes, because some file systems need no space for zeros.
          const piece = this.#random.bytes(
            Math.min(PIECE, this.#limit - this.#size),
          );
          await this.#disk.append(FILE, piece);
          this.#size += piece.length;
        }
      } catch (error) {
        this.#complain("fill", error);
        await this.#cut(this.#size);
      }
      if (this.#size === before) return;
      await this.#disk.sync(FILE).catch((error) =>
        this.#complain("sync", error)
      );
    });
  }

  /** Gives back at least `bytes`, but leaves `floor`; false if the reserve is too small for that. Never rejects. */
  release(bytes: number, floor: number): Promise<boolean> {
    return this.#turns.run(() => {
      if (this.#size === 0 || this.#size - floor < bytes) return false;
      // One step at a time: other programs that fill the same disk would take the rest.
      const step = Math.max(bytes, Math.ceil(this.#limit / STEPS));
      return this.#cut(Math.max(floor, this.#size - step));
    });
  }

  async #cut(size: number): Promise<boolean> {
    try {
      await this.#disk.truncate(FILE, size);
      this.#size = size;
      return true;
    } catch (error) {
      this.#complain("cut", error);
      return false;
    }
  }

  #complain(attempt: string, error: unknown): void {
    this.#log.warn("Cannot {attempt} the reserve: {reason}", {
      attempt,
      reason: messageOf(error),
      size: this.#size,
      limit: this.#limit,
    });
  }
}
