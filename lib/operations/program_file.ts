/** Need of a file that is to run, or the reason why it cannot. */
export interface Flaw {
  /** Path of another file that it needs. */
  readonly needs?: string;
  /** Kind of that file: the interpreter of a script, or the loader of a program. */
  readonly as?: "interpreter" | "loader";
  /** Sentence for people, if this system cannot run it. */
  readonly message?: string;
}

const HEAD_BYTES = 4_096;

/** Longest first line of a script that Linux reads. */
const FIRST_LINE_BYTES = 256;

const PT_INTERP = 3;

/** Kinds of processors by their numbers in ELF files. */
const MACHINES: Readonly<Record<number, string>> = {
  2: "sparc",
  3: "x86",
  8: "mips",
  20: "powerpc",
  21: "powerpc64",
  22: "s390x",
  40: "arm",
  43: "sparc64",
  62: "x86_64",
  183: "aarch64",
  243: "riscv64",
  258: "loongarch64",
};

/** Kinds of programs that run on a host, beside its own. */
const ALSO_RUN: Readonly<Record<string, string>> = {
  "x86_64": "x86",
  aarch64: "arm",
};

/** Reads the head of a file and tells what it needs to run. A file that cannot be read has no flaw. */
export function flawOf(path: string): Flaw {
  const head = headOf(path);
  if (head === undefined) return {};
  const text = String.fromCharCode(...head.subarray(0, FIRST_LINE_BYTES));
  if (text.startsWith("#!")) {
    const needs = /^#![ \t]*([^ \t\n]+)/.exec(text)?.[1];
    return needs === undefined ? {} : { needs, as: "interpreter" };
  }
  if (Deno.build.os !== "linux") return {};
  if (text.startsWith("\x7fELF")) return flawOfElf(path, head);
  if (text.startsWith("MZ")) {
    return { message: `"${path}" is a program for Windows` };
  }
  // Without a known head a file is a script for the shell, and a script has no such byte.
  return text.includes("\0")
    ? { message: `"${path}" is neither a program for this system nor a script` }
    : {};
}

function flawOfElf(path: string, head: Uint8Array<ArrayBuffer>): Flaw {
  if (head.length < 64) {
    return {
      message: `"${path}" is a program of which only the head is there`,
    };
  }
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const little = head[5] === 1;
  const machine = MACHINES[view.getUint16(18, little)] ?? "another processor";
  const own = Deno.build.arch;
  if (machine !== own && machine !== ALSO_RUN[own]) {
    return {
      message:
        `"${path}" is built for ${machine}, and this host is ${own}; install the build for ${own}`,
    };
  }
  const loader = loaderOf(view, { little, wide: head[4] === 2 });
  return loader === undefined ? {} : { needs: loader, as: "loader" };
}

/** Path of the loader that an ELF file names in its program headers. */
function loaderOf(
  view: DataView,
  { little, wide }: { little: boolean; wide: boolean },
): string | undefined {
  const word = (at: number) =>
    wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
  try {
    const start = word(wide ? 32 : 28);
    const size = view.getUint16(wide ? 54 : 42, little);
    const count = view.getUint16(wide ? 56 : 44, little);
    for (let at = start; at < start + size * count; at += size) {
      if (view.getUint32(at, little) !== PT_INTERP) continue;
      const from = word(at + (wide ? 8 : 4));
      const length = word(at + (wide ? 32 : 16));
      const bytes = new Uint8Array(view.buffer, view.byteOffset + from, length);
      return String.fromCharCode(...bytes).replace(/\0.*$/s, "");
    }
  } catch (error) {
    // The headers lie outside what was read.
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

function headOf(path: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    using file = Deno.openSync(path);
    const buffer = new Uint8Array(HEAD_BYTES);
    return buffer.subarray(0, file.readSync(buffer) ?? 0);
  } catch {
    return undefined;
  }
}
