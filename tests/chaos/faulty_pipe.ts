import { type Clock, sleep } from "../../lib/base/clock.ts";
import type { Seeded } from "../support/seeded.ts";

/** The part of a connection that a pipe needs. */
export type Outlet = Pick<Deno.TcpConn, "write">;

/** One direction of a connection, with its faults. */
export class FaultyPipe {
  readonly #clock: Clock;
  readonly #dice: Seeded;
  readonly #closed: AbortSignal;
  #stalledUntil = 0;
  #slowUntil = 0;
  #silent = false;
  #corrupts = false;
  #left = Infinity;

  constructor(
    { clock, dice, closed }: {
      clock: Clock;
      dice: Seeded;
      closed: AbortSignal;
    },
  ) {
    this.#clock = clock;
    this.#dice = dice;
    this.#closed = closed;
  }

  /** Holds all bytes back for a while. */
  stall(ms: number): void {
    this.#stalledUntil = this.#clock.monotonic() + ms;
  }

  /** Passes only a few bytes at a time for a while. */
  slow(ms: number): void {
    this.#slowUntil = this.#clock.monotonic() + ms;
  }

  /** Drops all bytes from now on. */
  silence(): void {
    this.#silent = true;
  }

  /** True if all bytes are dropped. */
  get isSilent(): boolean {
    return this.#silent;
  }

  /** Changes one byte of the next ones. */
  corrupt(): void {
    this.#corrupts = true;
  }

  /** Passes this number of bytes, and then cuts the connection. */
  cutAfter(bytes: number): void {
    this.#left = bytes;
  }

  /** True if a cut is due. */
  get isCut(): boolean {
    return this.#left <= 0;
  }

  /** Passes bytes on, with the current faults. */
  async pass(bytes: Uint8Array<ArrayBuffer>, to: Outlet): Promise<void> {
    for (;;) {
      const wait = this.#stalledUntil - this.#clock.monotonic();
      if (wait <= 0 || this.#closed.aborted) break;
      await sleep(this.#clock, Math.min(wait, 50), this.#closed);
    }
    if (this.#silent) return;
    if (this.#corrupts && bytes.length > 0) {
      this.#corrupts = false;
      const at = this.#dice.between(0, bytes.length - 1);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#dice.between(0, 7));
    }
    const whole = bytes.subarray(0, Math.min(bytes.length, this.#left));
    this.#left -= whole.length;
    for (let at = 0; at < whole.length;) {
      at += await this.#write(whole.subarray(at), to);
    }
  }

  async #write(
    bytes: Uint8Array<ArrayBuffer>,
    to: Outlet,
  ): Promise<number> {
    if (this.#clock.monotonic() >= this.#slowUntil) {
      return await to.write(bytes);
    }
    const few = this.#dice.weighted([
      [this.#dice.between(1, 7), 1],
      [this.#dice.between(8, 4_000), 2],
    ]);
    await sleep(this.#clock, this.#dice.between(5, 60), this.#closed);
    return await to.write(bytes.subarray(0, few));
  }
}
