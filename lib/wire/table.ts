import { PiriError } from "../base/errors.ts";
import { type Body, type Kind, type MessageOf, TYPE_OF } from "./message.ts";

/** State of a connection, on either side: protocol.md section 3. */
export type PeerState = "greeting" | "proving" | "ready" | "leaving" | "closed";

/** Effect of one message in one state. The connection enters `next` only if `run` did not throw. */
export interface Row<Context, M> {
  /** `bytes` are those of the message as it came, until it returns. */
  readonly run: (
    context: Context,
    message: M,
    bytes: Uint8Array,
  ) => void | Promise<void>;
  readonly next?: PeerState;
  /** A state that is entered instead of `next`, without `after`, if it is taken. */
  readonly detour?: {
    readonly next: PeerState;
    readonly isTaken: (context: Context) => boolean;
  };
  /** Called once the next state is entered. */
  readonly after?: (context: Context) => void;
}

/** All messages that the peer may send in one state. */
export type Rows<Context> = {
  readonly [K in Kind]?: Row<Context, MessageOf<K>>;
};

/** One whole side of the protocol. A message without a row in the current state is a violation. */
export type Table<Context> = Readonly<
  Record<Exclude<PeerState, "closed">, Rows<Context>>
>;

/** Returns the row of a message, or throws PROTOCOL_VIOLATION. */
export function rowFor<Context>(
  table: Table<Context>,
  state: Exclude<PeerState, "closed">,
  body: Body,
): Row<Context, Body["value"]> {
  const row = table[state][body.case];
  if (row === undefined) {
    throw new PiriError(
      "PROTOCOL_VIOLATION",
      `Cannot accept "${body.case}" while ${state}`,
    );
  }
  // The type of the table pairs each kind with its message. A lookup by a variable loses the pair.
  return row as Row<Context, Body["value"]>;
}

/** A row for messages without effect. */
export const ignore = { run: () => {} } as const;

/** Rows of a side that has said Bye. They ignore each kind of message; the table overrides some of them. */
export const allIgnored = Object.fromEntries(
  Object.keys(TYPE_OF).map((kind) => [kind, ignore]),
) as Readonly<Record<Kind, typeof ignore>>;
