import { openCLibrary } from "../base/c_library.ts";

const STDOUT = 1;

/** Events of poll(2) that come without being asked for: an error, and a reader that has gone. */
const GONE = 0x8 | 0x10;

const SYMBOLS = {
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
} as const;

type Poll = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"]["poll"];

let poll: Poll | undefined;
let tried = false;

/**
 * True if nobody reads standard output any more: the other end of its pipe, socket or terminal is closed. False if it goes
 * elsewhere, and where the system does not tell, as on Windows: there the next write does.
 */
export function isOutputClosed(): boolean {
  if (!tried) {
    tried = true;
    poll = openCLibrary(SYMBOLS)?.symbols.poll;
  }
  if (poll === undefined) return false;
  // struct pollfd: the file, the events that are asked for, and those that there are.
  const entry = new Uint8Array(8);
  const view = new DataView(entry.buffer);
  view.setInt32(0, STDOUT, true);
  return poll(entry, 1n, 0) > 0 && (view.getInt16(6, true) & GONE) !== 0;
}
