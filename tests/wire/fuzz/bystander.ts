import { FrameDecoder } from "../../../lib/wire/frame.ts";
import { type Body, decodeMessage } from "../../../lib/wire/message.ts";
import type { Transport } from "../../../lib/wire/transport.ts";
import { Limits } from "../../../lib/base/limits.ts";
import { body, framesOf } from "../../support/scripted_peer.ts";

/** A connection of an agent that behaves correctly. No event on other connections may end it. */
export class Bystander implements Transport {
  readonly peer = { host: "10.1.2.4", port: 5_000 };
  isClosed = false;
  readonly #decoder = new FrameDecoder();
  readonly #toRead: Uint8Array<ArrayBuffer>[] = [];
  #news = Promise.withResolvers<void>();

  constructor(hello: Body) {
    this.#decoder.limit = Limits.frame;
    this.#say(hello);
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (this.#toRead.length === 0 && !this.isClosed) {
      await this.#news.promise;
    }
    return this.isClosed ? undefined : this.#toRead.shift();
  }

  write(bytes: Uint8Array): Promise<number> {
    this.#decoder.push(bytes.slice());
    let frame = this.#decoder.next();
    while (frame !== undefined) {
      const message = decodeMessage(frame);
      if (message !== undefined) this.#answer(message);
      frame = this.#decoder.next();
    }
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.isClosed = true;
    this.#wake();
  }

  #answer({ case: kind, value }: Body): void {
    if (kind === "ping") this.#say(body("pong", { data: value.data }));
    if (kind !== "command") return;
    const { commandId } = value;
    this.#say(
      body("progress", { commandId, total: 1 }),
      body("result", { commandId, status: 1 }),
    );
  }

  #say(...bodies: Body[]): void {
    this.#toRead.push(framesOf(...bodies));
    this.#wake();
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
