const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0x8_0002;
const MSG_DONTWAIT = 0x40;
const ROOM_BYTES = 4096;

/**
 * Unix datagram socket of Linux that receives, by the system's own calls: Deno has none without a flag, and none whose
 * name is no file. A name that begins with "@" is such a one.
 */
export class UnixReceiver implements Disposable {
  readonly #libc = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
    close: { parameters: ["i32"], result: "i32" },
  });
  readonly #socket: number;

  constructor(path: string) {
    const name = new TextEncoder().encode(path.replace(/^@/, "\0"));
    const address = new Uint8Array([AF_UNIX, 0, ...name]);
    const { symbols } = this.#libc;
    this.#socket = symbols.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
    const bound = symbols.bind(this.#socket, address, address.length);
    if (bound !== 0) throw new TypeError(`Cannot bind "${path}"`);
  }

  /** Datagrams that have come since the last call. */
  take(): string[] {
    const texts: string[] = [];
    for (;;) {
      const room = new Uint8Array(ROOM_BYTES);
      const size = this.#libc.symbols.recv(
        this.#socket,
        room,
        BigInt(room.length),
        MSG_DONTWAIT,
      );
      if (size < 0n) return texts;
      texts.push(new TextDecoder().decode(room.subarray(0, Number(size))));
    }
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#socket);
    this.#libc.close();
  }
}
