import { type Clock, sleep } from "../../lib/base/clock.ts";
import type { Seeded } from "../support/seeded.ts";

/** A connection, as far as a pipe needs it. */
export type Outlet = Pick<Deno.TcpConn, "write">;

/** One direction of a connection, and what goes wrong in it. */
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

  /** Nothing passes for a while; what comes waits. */
  stall(ms: number): void {
    this.#stalledUntil = this.#clock.monotonic() + ms;
  }

  /** Bytes come a few at a time for a while. */
  slow(ms: number): void {
    this.#slowUntil = this.#clock.monotonic() + ms;
  }

  /** Whatever comes from now on vanishes. */
  silence(): void {
    this.#silent = true;
  }

  /** Whether it is silent. */
  get isSilent(): boolean {
    return this.#silent;
  }

  /** One byte of what comes next is changed. */
  corrupt(): void {
    this.#corrupts = true;
  }

  /** So many bytes pass yet, and then the connection is cut. */
  cutAfter(bytes: number): void {
    this.#left = bytes;
  }

  /** Whether a cut is due. */
  get isCut(): boolean {
    return this.#left <= 0;
  }

  /** Hands bytes on as the weather is. */
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
