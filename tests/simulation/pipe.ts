import type { SeededRandom } from "./seeded_random.ts";
import type { Trace } from "./trace.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** How a direction of a link is. */
export interface PipeTimes {
  readonly latencyMs: number;
  readonly bytesPerMs: number;
  /** So many bytes on their way or unread make the writer wait. */
  readonly capacity: number;
}

/** Hears what is written, frame by frame or as it comes, and returns what is sent instead. */
export type Ear = (
  bytes: Uint8Array<ArrayBuffer>,
) => Uint8Array<ArrayBuffer>;

/** What a pipe is made of. */
export interface PipeOptions {
  readonly time: VirtualTime;
  readonly trace: Trace;
  readonly random: SeededRandom;
  readonly times: PipeTimes;
  readonly ear: Ear | undefined;
}

interface Packet {
  bytes: Uint8Array<ArrayBuffer>;
  /** What the writer handed over for it. */
  readonly size: number;
  /** When it arrives, if nothing comes between. */
  at: number;
}

type Reading = PromiseWithResolvers<Uint8Array<ArrayBuffer> | undefined>;

/** One direction of a connection: bytes on their way, in order. */
export class Pipe {
  readonly #options: PipeOptions;
  #times: PipeTimes;
  /** On their way; the first one arrives next. */
  readonly #flying: Packet[] = [];
  readonly #arrived: Packet[] = [];
  #held = 0;
  /** When the last that was written arrives. */
  #lastAt = 0;
  #stalledUntil = 0;
  #flight: { cancel(): void } | undefined;
  #reading: Reading | undefined;
  #room = Promise.withResolvers<void>();
  /** The writer will say nothing more, and the reader may know it. */
  #isFinished = false;
  #isEnded = false;
  /** The reader is gone. */
  #isAbandoned = false;
  #isBrokenForWriter = false;
  #isLost = false;

  constructor(options: PipeOptions) {
    this.#options = options;
    this.#times = options.times;
  }

  /** Bytes that were taken and are not read. */
  get held(): number {
    return this.#held;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const { random, trace, ear } = this.#options;
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
    const sent = ear === undefined ? part : ear(part);
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

  /** The writer has closed: the reader hears of it after the last byte. */
  finish(): void {
    this.#isFinished = true;
    this.#isBrokenForWriter = true;
    this.#arrival(0);
    this.#wake();
    this.#fly();
  }

  /** The reader has closed: what comes is thrown away, and the writer hears of it soon. */
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

  /** Nothing arrives until then. */
  stall(ms: number): void {
    this.#stalledUntil = this.#options.time.elapsed + ms;
  }

  /** What is on its way, however late, arrives so soon. */
  hasten(ms: number): void {
    this.#stalledUntil = this.#options.time.elapsed + ms;
    this.#flight?.cancel();
    this.#flight = undefined;
    this.#fly();
  }

  /** It becomes thin or far. */
  slow(times: Partial<PipeTimes>): void {
    this.#times = { ...this.#times, ...times };
  }

  /** The link breaks. Each side hears of it when it does, or never. */
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

  /** It works again from now on; one that broke has broken. */
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

  /** What is lost is lost from some byte on. */
  #loseSome(random: SeededRandom): void {
    const kept = random.whole(0, this.#flying.length);
    const torn = this.#flying[kept];
    this.#flying.length = kept;
    if (torn !== undefined && torn.bytes.length > 1 && random.chance(0.5)) {
      const length = random.whole(1, torn.bytes.length - 1);
      this.#flying.push({ ...torn, bytes: torn.bytes.slice(0, length) });
    }
  }

  /** When something of this size arrives that is written now: it takes its turn, and the way. */
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
      // An end can be an orderly one or a reset.
      if (this.#options.random.chance(0.5)) reading.resolve(undefined);
      else reading.reject(broken());
      return;
    }
    this.#reading = undefined;
    reading.resolve(this.#part(packet));
  }

  /** What a read returns: all that came in one, or a part of it, cut anywhere. */
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
