import { openWindowsLibrary } from "../base/windows_library.ts";

const QUERY_LIMITED_INFORMATION = 0x1000;

/** Exit code of a process that has not ended. */
const STILL_ACTIVE = 259;

const KERNEL = {
  OpenProcess: { parameters: ["u32", "i32", "u32"], result: "isize" },
  GetExitCodeProcess: { parameters: ["isize", "buffer"], result: "i32" },
  GetProcessTimes: {
    parameters: ["isize", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  CloseHandle: { parameters: ["isize"], result: "i32" },
} as const;

/**
 * Time at which a process of Windows was made, in units of 100 ns since 1601: no two processes have the same id and time.
 * Undefined if it has ended, or this program may not look at it.
 *
 * Source: GetProcessTimes, Microsoft Learn.
 */
export function creationTimeOf(pid: number): bigint | undefined {
  try {
    using kernel = openWindowsLibrary("kernel32.dll", KERNEL, "find programs");
    const { symbols } = kernel;
    const process = symbols.OpenProcess(QUERY_LIMITED_INFORMATION, 0, pid);
    if (process === 0n) return undefined;
    try {
      const exitCode = new Uint32Array(1);
      const [made, ...others] = [8, 8, 8, 8].map((size) =>
        new Uint8Array(size)
      ) as [Bytes, Bytes, Bytes, Bytes];
      const isKnown = symbols.GetExitCodeProcess(
            process,
            new Uint8Array(exitCode.buffer),
          ) !== 0 &&
        symbols.GetProcessTimes(process, made, ...others) !== 0;
      if (!isKnown || exitCode[0] !== STILL_ACTIVE) return undefined;
      return new DataView(made.buffer).getBigUint64(0, true);
    } finally {
      symbols.CloseHandle(process);
    }
  } catch {
    return undefined;
  }
}

type Bytes = Uint8Array<ArrayBuffer>;
