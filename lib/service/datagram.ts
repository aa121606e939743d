import { openCLibrary } from "../base/c_library.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0x8_0002;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Longest path of a socket, with the byte that ends it. */
const MAX_PATH_BYTES = 108;

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const;

/** Unix datagram socket that is connected to another one. */
export interface Datagrams extends Disposable {
  /** Sends a text as one datagram, without waiting. Returns false if that cannot be. */
  send(text: string): boolean;
}

/**
 * Connects to a Unix datagram socket of Linux. A name that begins with "@" is one without a file. Undefined if there is
 * no such socket, or this program may load no libraries.
 *
 * Deno's own datagrams know no names without a file, and need a flag that `deno run` is not started with. The result
 * also works after the permission to load libraries was given up.
 */
export function connectDatagram(path: string): Datagrams | undefined {
  const name = new TextEncoder().encode(path.replace(/^@/, "\0"));
  const isName = /^[/@]/.test(path) && name.length < MAX_PATH_BYTES;
  // Without the library, nobody is notified.
  const library = isName && Deno.build.os === "linux"
    ? openCLibrary(SYMBOLS)
    : undefined;
  if (library === undefined) return undefined;
  const { symbols } = library;
  const socket = symbols.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  // The family has two bytes in the order of the machine, which is little-endian on all that there are builds for.
  const address = new Uint8Array([AF_UNIX, 0, ...name]);
  const close = () => {
    if (socket >= 0) symbols.close(socket);
    library.close();
  };
  if (symbols.connect(socket, address, address.length) !== 0) {
    close();
    return undefined;
  }
  return {
    send(text) {
      const bytes = new TextEncoder().encode(text);
      const size = BigInt(bytes.length);
      return symbols.send(socket, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) ===
        size;
    },
    [Symbol.dispose]: close,
  };
}
