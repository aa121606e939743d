import { assert } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { closeQuietly } from "../../lib/base/close_quietly.ts";

/** Bytes that TLS 1.3 adds to the text of a record: its inner type and its tag. */
const RECORD_OVERHEAD = 17;
const RECORD_HEADER = 5;
const APPLICATION_DATA = 23;

/** A relay before a TLS server. It cannot read the bytes, and yet reports the length of each record of one side. */
export class RecordTap implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: number;
  readonly #side: "server" | "client";
  readonly #open: Deno.TcpConn[] = [];
  /** Lengths of the text in that side's records. */
  readonly #lengths: number[] = [];
  #pending = new Uint8Array();
  readonly #serving: Promise<void>;

  constructor(target: number, side: "server" | "client" = "server") {
    this.#target = target;
    this.#side = side;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#serving = this.#serve();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Number of that side's records so far. */
  get count(): number {
    return this.#lengths.length;
  }

  /** Lengths of that side's records, without the first ones of this number. */
  recordsFrom(count: number): number[] {
    return this.#lengths.slice(count);
  }

  /** Ends the connections as a network would. */
  cut(): void {
    for (const conn of this.#open.splice(0)) closeQuietly(conn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeQuietly(this.#listener);
    this.cut();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const relays: Promise<void>[] = [];
    try {
      for await (const client of this.#listener) {
        const server = await Deno.connect({
          hostname: "127.0.0.1",
          port: this.#target,
        });
        this.#open.push(client, server);
        relays.push(
          this.#relay(client, server, "client"),
          this.#relay(server, client, "server"),
        );
      }
    } catch {
      // The listener is closed.
    }
    await Promise.all(relays);
  }

  async #relay(
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    side: "server" | "client",
  ): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        if (side === this.#side) this.#note(buffer.subarray(0, count));
        for (let at = 0; at < count;) {
          at += await to.write(buffer.subarray(at, count));
        }
      }
    } catch {
      // One side has gone, so the other one goes, too.
    }
    closeQuietly(from);
    closeQuietly(to);
  }

  /** Notes the records in these bytes. It follows one connection at a time. */
  #note(bytes: Uint8Array): void {
    const all = concat([this.#pending, bytes]);
    let at = 0;
    while (all.length - at >= RECORD_HEADER) {
      const length = new DataView(all.buffer).getUint16(at + 3);
      const end = at + RECORD_HEADER + length;
      if (end > all.length) break;
      if (all[at] === APPLICATION_DATA) {
        this.#lengths.push(length - RECORD_OVERHEAD);
      }
      at = end;
    }
    this.#pending = all.slice(at);
  }
}

/**
 * Number of the frames in these bytes. Each must end where a record ends. The records may go on after the bytes: more
 * may have passed the tap since they were taken.
 */
export function countFramesOfOwnRecords(
  bytes: Uint8Array,
  records: readonly number[],
): number {
  const ends = new Set<number>();
  let sum = 0;
  for (const length of records) {
    sum += length;
    ends.add(sum);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let frames = 0;
  for (let at = 0; at < bytes.length; frames++) {
    at += 4 + view.getUint32(at);
    assert(ends.has(at), `the frame that ends at ${at} shares its record`);
  }
  return frames;
}
