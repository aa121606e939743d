import type { Disk } from "../../lib/base/disk.ts";
import { PiriError } from "../../lib/base/errors.ts";

/** Call of a Disk, for a test that plans faults. */
export interface DiskCall {
  /** Number of the call, from 0. */
  readonly index: number;
  readonly kind: keyof Disk;
  readonly name: string;
}

/** Fate of a call: it fails after a part of its work, or the program ends in the middle of it. */
export type DiskFault = "error" | "crash" | undefined;

/** Options of a MemoryDisk. */
export interface MemoryDiskOptions {
  /** Limit of all files together, in bytes; writes beyond it fail with DISK. */
  readonly capacity?: number;
  /** Decides over each call. */
  readonly fault?: (call: DiskCall) => DiskFault;
  /** Awaited before each call, for a slow disk. */
  readonly delay?: (call: DiskCall) => Promise<void>;
  /** Part of the work that a failing call still does, from 0 up to 1. */
  readonly fraction?: () => number;
}

/** Part of a buffer that only grows behind it, so that older states of a file cost nothing. */
interface Content {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly length: number;
}

/** File. An undefined content means that it does not exist. */
interface MemoryFile {
  /** Possible states after a power cut: the first is durable, each later one may be there. Never empty. */
  states: (Content | undefined)[];
  /** True after a failed sync: the system believes that the bytes are synced, and the next sync does nothing. */
  spoilt?: boolean;
}

const NOTHING: Content = { buffer: new Uint8Array(0), length: 0 };

/**
 * Disk in memory that can crash. Bytes that were not synced are then lost, completely or in part.
 *
 * No code in here is asynchronous by itself: a call settles in microtasks, or after `delay`.
 */
export class MemoryDisk implements Disk {
  /** Calls so far. */
  readonly calls: DiskCall[] = [];
  capacity: number;
  readonly #files: Map<string, MemoryFile>;
  readonly #options: MemoryDiskOptions;
  readonly #fraction: () => number;
  readonly #crashed = Promise.withResolvers<void>();
  #dead = false;

  constructor(options: MemoryDiskOptions = {}, files = new Map()) {
    this.#options = options;
    this.#files = files;
    this.#fraction = options.fraction ?? (() => 0.5);
    this.capacity = options.capacity ?? Infinity;
  }

  /** Resolves when it has crashed. */
  get crashed(): Promise<void> {
    return this.#crashed.promise;
  }

  /** Bytes of all files together. */
  get used(): number {
    return [...this.#files.values()]
      .reduce((sum, file) => sum + (now(file)?.length ?? 0), 0);
  }

  /** Lets time pass: written bytes reach the disk without a sync. Earlier calls are forgotten. */
  settle(): void {
    this.calls.length = 0;
    for (const [name, file] of this.#files) {
      const content = now(file);
      if (content === undefined) this.#files.delete(name);
      else file.states = [content];
    }
  }

  /** Crashes: from now on no call settles. */
  crash(): void {
    this.#dead = true;
    this.#crashed.resolve();
  }

  /**
   * Disk as the next agent finds it. After a kill all written bytes are there. After a power cut each file has a state
   * between the synced and the written one, possibly with zeros for its last blocks.
   */
  afterCrash(
    kind: "kill" | "power",
    options: MemoryDiskOptions = {},
  ): MemoryDisk {
    this.crash();
    return this.#image(kind, options);
  }

  /** Copy of the disk, as a backup or a clone of the machine has it. This disk continues. */
  copy(options: MemoryDiskOptions = {}): MemoryDisk {
    return this.#image("kill", options);
  }

  #image(kind: "kill" | "power", options: MemoryDiskOptions): MemoryDisk {
    const files = new Map<string, MemoryFile>();
    for (const [name, file] of this.#files) {
      const content = kind === "kill" ? now(file) : this.#survivor(file);
      if (content === undefined) continue;
      const bytes = content.buffer.slice(0, content.length);
      const copy = { buffer: bytes, length: bytes.length };
      // After a kill the power may still fail.
      const first = kind === "kill" ? file.states[0] : copy;
      files.set(name, { states: [first, copy] });
    }
    return new MemoryDisk(
      { capacity: this.capacity, fraction: this.#fraction, ...options },
      files,
    );
  }

  /** Copy of a file's content, for a test to look at or to damage. */
  content(name: string): Uint8Array<ArrayBuffer> {
    const content = this.#content(name) ?? NOTHING;
    return content.buffer.slice(0, content.length);
  }

  /** Replaces a file's content, durably, as another program would. */
  put(name: string, bytes: Uint8Array): void {
    const content = { buffer: bytes.slice(), length: bytes.length };
    this.#files.set(name, { states: [content] });
  }

  list(): Promise<string[]> {
    return this.#call("list", "", () =>
      [...this.#files.keys()]
        .filter((name) => this.#content(name) !== undefined)
        .sort());
  }

  size(name: string): Promise<number> {
    return this.#call("size", name, () => this.#content(name)?.length ?? 0);
  }

  read(
    name: string,
    offset: number,
    length: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return this.#call("read", name, () => {
      const content = this.#content(name) ?? NOTHING;
      const end = Math.min(content.length, offset + length);
      return content.buffer.slice(Math.min(offset, end), end);
    });
  }

  append(name: string, bytes: Uint8Array): Promise<void> {
    return this.#call(
      "append",
      name,
      () => this.#append(name, bytes),
      () => this.#append(name, this.#part(bytes)),
    );
  }

  sync(name: string): Promise<void> {
    return this.#call("sync", name, () => {
      const file = this.#files.get(name);
      const content = file && now(file);
      if (file === undefined || content === undefined) throw missing(name);
      if (!file.spoilt) file.states = [content];
    });
  }

  replace(name: string, bytes: Uint8Array): Promise<void> {
    return this.#call(
      "replace",
      name,
      () => {
        this.#require(bytes.length);
        this.put(name, bytes);
      },
      () => {
        // A crash in the middle of a rename leaves either the old or the new file.
        if (this.#dead && this.#fraction() < 0.5) this.put(name, bytes);
      },
    );
  }

  truncate(name: string, size: number): Promise<void> {
    return this.#call("truncate", name, () => {
      const content = this.#content(name);
      if (content === undefined) throw missing(name);
      const buffer = content.buffer.slice(0, size);
      this.#change(name, { buffer, length: buffer.length });
    });
  }

  remove(name: string): Promise<void> {
    return this.#call("remove", name, () => {
      if (this.#content(name) !== undefined) this.#change(name, undefined);
    });
  }

  async #call<T>(
    kind: keyof Disk,
    name: string,
    task: () => T,
    partly: () => void = task,
  ): Promise<T> {
    const call = { index: this.calls.length, kind, name };
    this.calls.push(call);
    if (this.#dead) return await never();
    const { delay, fault } = this.#options;
    if (delay !== undefined) {
      await delay(call);
      if (this.#dead) return await never();
    }
    const verdict = fault?.(call);
    if (verdict === "error") {
      if (kind === "append") partly();
      const file = this.#files.get(name);
      if (kind === "sync" && file !== undefined) file.spoilt = true;
      throw new PiriError("DISK", `Cannot ${kind} "${name}": planned`);
    }
    if (verdict === "crash") {
      this.crash();
      try {
        if (this.#fraction() < 0.5) partly();
      } catch {
        // After the crash nobody can know if the call would have failed.
      }
      return await never();
    }
    // A call takes at least one turn, as on a real disk.
    await Promise.resolve();
    return this.#dead ? await never() : task();
  }

  #content(name: string): Content | undefined {
    const file = this.#files.get(name);
    return file && now(file);
  }

  #append(name: string, bytes: Uint8Array): void {
    const fitting = bytes.subarray(0, Math.max(0, this.capacity - this.used));
    const content = this.#content(name);
    const { buffer, length } = content ?? NOTHING;
    const size = length + fitting.length;
    const space = size <= buffer.length ? buffer : grow(buffer, length, size);
    space.set(fitting, length);
    const file = this.#files.get(name);
    // Each state between the previous one and this one is a part of this one.
    if (
      file !== undefined && file.states.length > 1 &&
      (file.states.at(-2)?.length ?? 0) <= length
    ) file.states.pop();
    this.#change(name, { buffer: space, length: size });
    if (fitting.length < bytes.length) throw full(name);
  }

  #change(name: string, content: Content | undefined): void {
    const file = this.#files.get(name) ?? { states: [undefined] };
    this.#files.set(name, file);
    file.states.push(content);
  }

  #require(bytes: number): void {
    if (this.used + bytes > this.capacity) throw full("a new file");
  }

  #part(bytes: Uint8Array): Uint8Array {
    return bytes.subarray(0, Math.floor(this.#fraction() * bytes.length));
  }

  #survivor({ states }: MemoryFile): Content | undefined {
    const index = Math.floor(this.#fraction() * states.length);
    const [before, after] = [states[index], states[index + 1]];
    const length = before?.length ?? 0;
    if (after === undefined || after.length <= length) return before;
    const size = length +
      Math.floor(this.#fraction() * (after.length - length + 1));
    const bytes = after.buffer.slice(0, size);
    if (this.#fraction() < 0.3) bytes.fill(0, nextSector(length, size));
    return { buffer: bytes, length: size };
  }
}

/** Position from which bytes may be zeros: the first sector after the synced bytes, or their end if there is none. */
function nextSector(synced: number, size: number): number {
  const sector = Math.ceil((synced + 1) / 512) * 512;
  return sector < size ? sector : synced;
}

function now({ states }: MemoryFile): Content | undefined {
  return states.at(-1);
}

function grow(
  buffer: Uint8Array,
  length: number,
  size: number,
): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(Math.max(size, 2 * buffer.length, 64));
  grown.set(buffer.subarray(0, length));
  return grown;
}

function never<T>(): Promise<T> {
  return new Promise(() => {});
}

function full(name: string): PiriError {
  return new PiriError("DISK", `Cannot write "${name}": no space is left`);
}

function missing(name: string): PiriError {
  return new PiriError("DISK", `Cannot use "${name}": there is none`);
}
