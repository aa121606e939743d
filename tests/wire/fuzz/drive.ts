import { type End } from "../../../lib/wire/connection.ts";
import { Finding, require } from "./finding.ts";
import { type FuzzClock, turn } from "./fuzz_clock.ts";
import { pattern } from "./heard.ts";

/** Number of turns without activity after which the clock advances. */
const QUIET_TURNS = 4;

/** Longest life of a connection to a silent peer, in milliseconds of virtual time. */
const HANGS_MS = 600_000;

/** Reasons for which a connection may break, as patterns. Any other reason is an error of ours. */
const BREAKS: ReadonlySet<string> = new Set([
  "the peer hung up",
  "closed by this side",
  "no hello came within N s",
  "the keys were not proven within N s",
  "the connection was reset",
  "Cannot write to the peer: the connection is broken",
  "Cannot write to the peer: nothing was taken for N s",
  "Cannot queue more than N bytes: the peer does not read",
]);

export interface DriveOptions {
  readonly clock: FuzzClock;
  /** Number that grows while something happens. */
  readonly activity: () => number;
}

/** Waits for the end, and advances the clock whenever nothing else happens. */
export async function drive<T>(
  conversation: Promise<T>,
  { clock, activity }: DriveOptions,
): Promise<T> {
  let isOver = false;
  const over = () => isOver = true;
  conversation.then(over, over);
  const latest = clock.monotonic() + HANGS_MS;
  let quiet = 0;
  let seen = activity();
  while (true) {
    await turn();
    if (isOver) return await conversation;
    const now = activity();
    quiet = now === seen ? quiet + 1 : 0;
    seen = now;
    if (quiet < QUIET_TURNS) continue;
    quiet = 0;
    if (clock.monotonic() > latest || !clock.skip()) {
      throw new Finding("a connection ends within 10 minutes of silence");
    }
  }
}

/** Checks that a connection may end like this, and names the end. */
export function nameOfEnd(end: End): string {
  switch (end.kind) {
    case "bye":
      return "bye";
    case "left":
      return `left ${end.code}: ${pattern(end.reason)}`;
    case "broken":
      require(
        BREAKS.has(pattern(end.reason)),
        `a connection ends with Bye or because the peer does: ${end.reason}`,
      );
      return `broken: ${pattern(end.reason)}`;
  }
}
