import type { Disk } from "../../base/disk.ts";
import { PiriError } from "../../base/errors.ts";

/** Name of the file of debts. */
export const OWED_FILE = "owed";
const MAX_OWED_BYTES = 16 * 1_048_576;

/** Reaction that a change has caused and that has not succeeded yet. */
export interface Debt {
  readonly state: string;
  /** Step that reacts, and the step whose change it reacts to, by their full names. */
  readonly listener: string;
  readonly cause: string;
  /** Time of the change in milliseconds since 1970. */
  readonly since: number;
}

/** Reactions that are owed on this host. They are on the disk before the change that causes them. */
export class Owed {
  readonly #disk: Pick<Disk, "replace">;
  #debts: readonly Debt[];

  private constructor(disk: Pick<Disk, "replace">, debts: readonly Debt[]) {
    this.#disk = disk;
    this.#debts = debts;
  }

  /**
   * Reads the debts.
   *
   * @throws {PiriError} CORRUPT, DISK
   */
  static async load(
    disk: Pick<Disk, "read" | "size" | "replace">,
  ): Promise<Owed> {
    const size = await disk.size(OWED_FILE);
    if (size > MAX_OWED_BYTES) throw corrupt(`its ${size} bytes are too many`);
    return new Owed(disk, debtsIn(await disk.read(OWED_FILE, 0, size)));
  }

  get all(): readonly Debt[] {
    return this.#debts;
  }

  /** Debts to a step of a state. */
  to(state: string, listener: string): readonly Debt[] {
    return this.#debts.filter((debt) =>
      debt.state === state && debt.listener === listener
    );
  }

  /** Adds debts, durably. Returns those that are new: others were owed before. */
  async add(debts: readonly Debt[]): Promise<readonly Debt[]> {
    const fresh = debts.filter((debt) =>
      !this.#debts.some((each) => isSame(each, debt))
    );
    if (fresh.length > 0) await this.#keep([...this.#debts, ...fresh]);
    return fresh;
  }

  /** Ends debts. */
  async end(debts: readonly Debt[]): Promise<void> {
    const left = this.#debts.filter((debt) =>
      !debts.some((each) => isSame(each, debt))
    );
    if (left.length < this.#debts.length) await this.#keep(left);
  }

  async #keep(debts: readonly Debt[]): Promise<void> {
    const text = JSON.stringify({ format: 1, debts });
    await this.#disk.replace(OWED_FILE, new TextEncoder().encode(text));
    this.#debts = debts;
  }
}

/**
 * Reads the debts while a run may replace them.
 *
 * @throws {PiriError} CORRUPT, DISK
 */
export async function readDebts(
  disk: Pick<Disk, "read">,
): Promise<readonly Debt[]> {
  // At once: between two reads it could be replaced by a longer one.
  return debtsIn(await disk.read(OWED_FILE, 0, MAX_OWED_BYTES));
}

function debtsIn(bytes: Uint8Array): readonly Debt[] {
  if (bytes.length === 0) return [];
  try {
    const { format, debts } = JSON.parse(new TextDecoder().decode(bytes));
    if (format === 1 && Array.isArray(debts)) return debts;
  } catch (error) {
    throw corrupt("it is damaged", error);
  }
  throw corrupt("another version has written it");
}

function isSame(one: Debt, other: Debt): boolean {
  return one.state === other.state && one.listener === other.listener &&
    one.cause === other.cause;
}

function corrupt(what: string, cause?: unknown): PiriError {
  return new PiriError(
    "CORRUPT",
    `Cannot read which reactions are owed: ${what}`,
    { cause },
  );
}
