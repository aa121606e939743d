import type { SeededRandom } from "./seeded_random.ts";
import type { Trace } from "./trace.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** Times and sizes of one direction of a link. */
export interface PipeTimes {
  readonly latencyMs: number;
  readonly bytesPerMs: number;
  /** Limit of bytes under way or unread; above it the writer waits. */
  readonly capacity: number;
}

/** Observes written bytes, frame by frame or as they come, and returns the bytes to send instead. */
export type Interceptor = (
  bytes: Uint8Array<ArrayBuffer>,
) => Uint8Array<ArrayBuffer>;

/** Parts of a pipe. */
export interface PipeOptions {
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly random: SeededRandom;
  readonly times: PipeTimes;
  readonly intercept: Interceptor | undefined;
}

interface Packet {
  bytes: Uint8Array<ArrayBuffer>;
  /** Bytes that the writer handed over for it. */
  readonly size: number;
  /** Time of its arrival, unless something happens before. */
  at: number;
}

type Reading = PromiseWithResolvers<Uint8Array<ArrayBuffer> | undefined>;

/** One direction of a connection: bytes under way, in order. */
export class Pipe {
  readonly #options: PipeOptions;
  #times: PipeTimes;
  /** Packets under way; the first one arrives next. */
  readonly #flying: Packet[] = [];
  readonly #arrived: Packet[] = [];
  #held = 0;
  /** Time at which the last written byte arrives. */
  #lastAt = 0;
  #stalledUntil = 0;
  #flight: { cancel(): void } | undefined;
  #reading: Reading | undefined;
  #room = Promise.withResolvers<void>();
  /** True if the writer has closed and the reader may know it. */
  #isFinished = false;
  #isEnded = false;
  /** True if the reader is gone. */
  #isAbandoned = false;
  #isBrokenForWriter = false;
  #isLost = false;

  constructor(options: PipeOptions) {
    this.#options = options;
    this.#times = options.times;
  }

  /** Count of bytes that were taken and are not read. */
  get held(): number {
    return this.#held;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const { random, trace, intercept } = this.#options;
    while (this.#held >= this.#times.capacity && !this.#isBrokenForWriter) {
      await this.#room.promise;
    }
    if (this.#isBrokenForWriter) throw broken();
    const room = this.#times.capacity - this.#held;
    const most = random.chance(0.1)
      ? random.whole(1, bytes.length)
      : bytes.length;
    const size = Math.min(most, room);
    const part = bytes.slice(0, size);
    trace.addBytes(part);
    this.#held += size;
    const sent = intercept === undefined ? part : intercept(part);
    if (!this.#isAbandoned && !this.#isLost) {
      this.#flying.push({ bytes: sent, size, at: this.#arrival(size) });
      this.#fly();
    }
    return size;
  }

  read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#isAbandoned) return Promise.resolve(undefined);
    this.#reading = Promise.withResolvers();
    const { promise } = this.#reading;
    this.#serve();
    return promise;
  }

  /** Closes the writer's side: the reader learns of it after the last byte. */
  finish(): void {
    this.#isFinished = true;
    this.#isBrokenForWriter = true;
    this.#arrival(0);
    this.#wake();
    this.#fly();
  }

  /** Closes the reader's side: later bytes are dropped, and the writer soon learns of it. */
  abandon(): void {
    const { time } = this.#options;
    this.#isAbandoned = true;
    this.#flying.length = 0;
    this.#arrived.length = 0;
    this.#reading?.resolve(undefined);
    this.#reading = undefined;
    if (this.#isLost) return;
    time.after(this.#times.latencyMs, () => this.#breakForWriter());
  }

  /** Lets nothing arrive for `ms` milliseconds. */
  stall(ms: number): void {
    this.#stalledUntil = this.#options.time.elapsed + ms;
  }

  /** Lets all bytes under way arrive within `ms` milliseconds, however late they would have been. */
  hasten(ms: number): void {
    this.#stalledUntil = this.#options.time.elapsed + ms;
    this.#flight?.cancel();
    this.#flight = undefined;
    this.#fly();
  }

  /** Changes the times of the link, to a slow or far one. */
  slow(times: Partial<PipeTimes>): void {
    this.#times = { ...this.#times, ...times };
  }

  /** Breaks the link. Each side learns of it at its own time, or never. */
  break(
    { lagMs, writer, reader }: {
      lagMs: number | undefined;
      writer: number;
      reader: number;
    },
  ): void {
    const { time, random } = this.#options;
    if (this.#isLost) return;
    this.#isLost = true;
    if (lagMs === undefined) this.#loseSome(random);
    else {
      this.#stalledUntil = Math.max(this.#stalledUntil, time.elapsed + lagMs);
    }
    if (writer < Infinity) time.after(writer, () => this.#breakForWriter());
    if (reader < Infinity) {
      time.after(reader + (lagMs ?? 0), () => {
        this.#isFinished = true;
        this.#fly();
      });
    }
  }

  /** Lets the link work again from now on. A broken one stays broken. */
  heal(times: PipeTimes): void {
    this.#times = times;
    this.#stalledUntil = Math.min(
      this.#stalledUntil,
      this.#options.time.elapsed,
    );
    this.#wake();
    this.#lastAt = this.#options.time.elapsed;
    for (const packet of this.#flying) packet.at = this.#lastAt;
    this.#flight?.cancel();
    this.#flight = undefined;
    this.#fly();
  }

  /** Drops the bytes under way from a random byte on. */
  #loseSome(random: SeededRandom): void {
    const kept = random.whole(0, this.#flying.length);
    const torn = this.#flying[kept];
    this.#flying.length = kept;
    if (torn !== undefined && torn.bytes.length > 1 && random.chance(0.5)) {
      const length = random.whole(1, torn.bytes.length - 1);
      this.#flying.push({ ...torn, bytes: torn.bytes.slice(0, length) });
    }
  }

  /** Time of arrival for bytes that are written now: they wait for earlier bytes, and then travel. */
  #arrival(size: number): number {
    const { latencyMs, bytesPerMs } = this.#times;
    const { elapsed } = this.#options.time;
    this.#lastAt = Math.max(this.#lastAt, elapsed + latencyMs) +
      size / bytesPerMs;
    return this.#lastAt;
  }

  #fly(): void {
    const { time } = this.#options;
    if (this.#flight !== undefined || this.#isEnded) return;
    const packet = this.#flying[0];
    if (packet === undefined && !this.#isFinished) return;
    const at = Math.max(packet?.at ?? this.#lastAt, this.#stalledUntil);
    if (at === Infinity) return;
    this.#flight = time.after(at - time.elapsed, () => {
      this.#flight = undefined;
      if (this.#stalledUntil > time.elapsed) this.#fly();
      else this.#land();
    });
  }

  #land(): void {
    const packet = this.#flying.shift();
    if (packet === undefined) this.#isEnded = this.#isFinished;
    else this.#arrived.push(packet);
    this.#serve();
    this.#fly();
  }

  #serve(): void {
    const reading = this.#reading;
    if (reading === undefined) return;
    const packet = this.#arrived[0];
    if (packet === undefined) {
      if (!this.#isEnded) return;
      this.#reading = undefined;
      // The end can be an orderly one or a reset.
      if (this.#options.random.chance(0.5)) reading.resolve(undefined);
      else reading.reject(broken());
      return;
    }
    this.#reading = undefined;
    reading.resolve(this.#part(packet));
  }

  /** Bytes for one read: a whole packet, or a part of it, cut anywhere. */
  #part(packet: Packet): Uint8Array<ArrayBuffer> {
    const { random } = this.#options;
    const { bytes, size } = packet;
    if (bytes.length > 1 && random.chance(0.15)) {
      const at = random.whole(1, bytes.length - 1);
      packet.bytes = bytes.slice(at);
      return bytes.slice(0, at);
    }
    this.#arrived.shift();
    this.#held -= size;
    this.#wake();
    return bytes;
  }

  #breakForWriter(): void {
    this.#isBrokenForWriter = true;
    this.#wake();
  }

  #wake(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers<void>();
  }
}

function broken(): Error {
  return new Deno.errors.ConnectionReset("the connection is broken: planned");
}
