const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0x8_0002;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Length of the address without its path, and of the longest path. */
const FAMILY_BYTES = 2;
const MAX_PATH_BYTES = 108;

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
} as const;

/**
 * Connects to a Unix datagram socket of Linux and returns a function that sends to it, without waiting. A name that
 * begins with "@" is one without a file. Undefined if there is no such socket, or this program may load no libraries.
 *
 * Deno's own datagrams know no names without a file, and need a flag that `deno run` is not started with. What is
 * returned also works after the permission to load libraries was given up.
 */
export function connectDatagram(
  path: string,
): ((text: string) => boolean) | undefined {
  if (Deno.build.os !== "linux" || !/^[/@]/.test(path)) return undefined;
  const name = new TextEncoder().encode(path);
  if (name.length >= MAX_PATH_BYTES) return undefined;
  if (name[0] === 0x40) name[0] = 0;
  const address = new Uint8Array(FAMILY_BYTES + name.length);
  new Uint16Array(address.buffer, 0, 1)[0] = AF_UNIX;
  address.set(name, FAMILY_BYTES);
  const symbols = open();
  if (symbols === undefined) return undefined;
  const socket = symbols.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (socket < 0) return undefined;
  // It stays open for as long as the program runs.
  if (symbols.connect(socket, address, address.length) !== 0) return undefined;
  return (text) => {
    const bytes = new TextEncoder().encode(text);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    return symbols.send(socket, bytes, BigInt(bytes.length), flags) ===
      BigInt(bytes.length);
  };
}

function open(): Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined {
  // The first name is glibc's, the second is musl's.
  for (const name of ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`]) {
    try {
      return Deno.dlopen(name, SYMBOLS).symbols;
    } catch {
      // Try the next name; without any, nobody is notified.
    }
  }
  return undefined;
}
