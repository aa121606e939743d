import { openWindowsLibrary, wideText } from "../../base/windows_library.ts";
import type { ServiceName } from "../service_host.ts";
import { addressOf } from "./win32.ts";

/** Kinds of events by their numbers: ReportEventW, Microsoft Learn. */
const KINDS = { error: 1, warning: 2, information: 4 } as const;

/** Number of all events: their texts say what they are about. */
const EVENT = 1;

/** Writes an event to the log of Windows for applications. Does nothing where that cannot be. */
export function reportEvent(
  source: ServiceName,
  kind: keyof typeof KINDS,
  text: string,
): void {
  try {
    using advapi = openWindowsLibrary("advapi32.dll", {
      RegisterEventSourceW: {
        parameters: ["pointer", "buffer"],
        result: "isize",
      },
      ReportEventW: {
        parameters: [
          "isize",
          "u16",
          "u16",
          "u32",
          "pointer",
          "u16",
          "u32",
          "buffer",
          "pointer",
        ],
        result: "i32",
      },
      DeregisterEventSource: { parameters: ["isize"], result: "i32" },
    }, "write an event");
    const { symbols } = advapi;
    const log = symbols.RegisterEventSourceW(null, wideText(source));
    if (log === 0n) return;
    const bytes = wideText(text);
    const texts = new Uint8Array(new BigUint64Array([addressOf(bytes)]).buffer);
    const args = [log, KINDS[kind], 0, EVENT, null, 1, 0, texts, null] as const;
    symbols.ReportEventW(...args);
    symbols.DeregisterEventSource(log);
    // Read until here by its address.
    void bytes;
  } catch {
    // The log in the state folder tells the same.
  }
}
