import {
  AT_FDCWD,
  NUMBERS,
  OPEN,
  openSyscalls,
  pathBytes,
  type Syscalls,
} from "./syscalls.ts";

/** Open file, as far as this program uses one. Deno's own is one, too. */
export interface HostFile extends Disposable {
  read(bytes: Uint8Array): Promise<number | null>;
  readSync(bytes: Uint8Array): number | null;
  write(bytes: Uint8Array): Promise<number>;
  seek(offset: number, whence: Deno.SeekMode): Promise<number>;
  truncate(size: number): Promise<void>;
  /** Writes its data to the disk; absent where that would block this thread. */
  syncData?(): Promise<void>;
  close(): void;
}

/** Choices for opening a file by the bytes of its path. */
export type ByteMode = "read" | "change" | "create";

const FLAGS: Readonly<Record<ByteMode, bigint>> = {
  read: 0n,
  change: OPEN.readWrite,
  create: OPEN.readWrite | OPEN.create | OPEN.exclusive,
};

/** Opens a file whose path Deno cannot take. A link is not followed. Its calls block this thread. */
export function openByBytes(path: Uint8Array, mode: ByteMode): HostFile {
  const syscalls = openSyscalls();
  if (syscalls === undefined) {
    throw new Deno.errors.NotSupported(
      "On this system names of files must be Unicode text",
    );
  }
  const fd = syscalls.done(
    syscalls.symbols.withPath(
      NUMBERS.openat,
      AT_FDCWD,
      pathBytes(path),
      FLAGS[mode] | OPEN.noFollow | OPEN.closeOnExec,
      0o600n,
      0n,
    ),
  );
  return new ByteFile(syscalls, BigInt(fd));
}

class ByteFile implements HostFile {
  readonly #syscalls: Syscalls;
  readonly #fd: bigint;
  #isOpen = true;

  constructor(syscalls: Syscalls, fd: bigint) {
    this.#syscalls = syscalls;
    this.#fd = fd;
  }

  readSync(bytes: Uint8Array): number | null {
    const count = this.#call(NUMBERS.read, bytes);
    return count === 0 && bytes.length > 0 ? null : count;
  }

  read(bytes: Uint8Array): Promise<number | null> {
    return Promise.try(() => this.readSync(bytes));
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.try(() => this.#call(NUMBERS.write, bytes));
  }

  seek(offset: number, whence: Deno.SeekMode): Promise<number> {
    const { symbols, done } = this.#syscalls;
    return Promise.try(() =>
      done(
        symbols.withNumbers(
          NUMBERS.lseek,
          this.#fd,
          BigInt(offset),
          BigInt(whence),
        ),
      )
    );
  }

  truncate(size: number): Promise<void> {
    const { symbols, done } = this.#syscalls;
    return Promise.try(() =>
      void done(
        symbols.withNumbers(NUMBERS.ftruncate, this.#fd, BigInt(size), 0n),
      )
    );
  }

  close(): void {
    if (this.#isOpen) this.#syscalls.symbols.withFile(NUMBERS.close, this.#fd);
    this.#isOpen = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #call(number: bigint, bytes: Uint8Array): number {
    const { symbols, done } = this.#syscalls;
    const size = BigInt(bytes.length);
    const buffer = bytes as Uint8Array<ArrayBuffer>;
    return done(symbols.withBuffer(number, this.#fd, buffer, size));
  }
}
