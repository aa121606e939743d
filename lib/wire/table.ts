import { PiriError } from "../base/errors.ts";
import { type Body, type Kind, type MessageOf, TYPE_OF } from "./message.ts";

/** How far a connection is, on either side: protocol.md section 3. */
export type PeerState = "greeting" | "ready" | "leaving" | "closed";

/** What one message does in one state. `next` is taken only if `run` did not throw. */
export interface Row<Context, M> {
  readonly run: (context: Context, message: M) => void | Promise<void>;
  readonly next?: PeerState;
  /** What begins in the next state, once it is entered. */
  readonly after?: (context: Context) => void;
}

/** All that one side may say in one state. */
export type Rows<Context> = {
  readonly [K in Kind]?: Row<Context, MessageOf<K>>;
};

/** A whole side of the protocol on one screen. A message with no row in the current state is a violation. */
export type Table<Context> = Readonly<
  Record<Exclude<PeerState, "closed">, Rows<Context>>
>;

/** The row of a message, or PROTOCOL_VIOLATION. */
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
  // The table's own type pairs each kind with its message; lookup by a variable loses that.
  return row as Row<Context, Body["value"]>;
}

/** A row for what means nothing any more. */
export const ignore = { run: () => {} } as const;

/** Rows of a side that has said Bye: each kind of message means nothing, unless its own row says more. */
export const allIgnored = Object.fromEntries(
  Object.keys(TYPE_OF).map((kind) => [kind, ignore]),
) as Readonly<Record<Kind, typeof ignore>>;
