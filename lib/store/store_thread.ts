/**
 * Thread of the database, so that a slow disk only delays those who wait for it.
 *
 * @module
 */
import { systemClock } from "../base/clock.ts";
import { releaseWhole } from "../base/memory.ts";
import { systemRandom } from "../base/random.ts";
import { isReusable } from "./buffer_pool.ts";
import {
  type PackedCommands,
  unpacked,
  withoutRecords,
} from "./created_commands.ts";
import { openStore } from "./open.ts";
import type { OwnedPiece } from "./output_piece.ts";
import { unpackCalls } from "./packed_patches.ts";
import type { StoredOutput } from "./records.ts";
import type { SqliteStore } from "./sqlite_store.ts";
import type { Store } from "./store.ts";
import {
  type FromWorker,
  type OpenRequest,
  type StoreAnswer,
  type StoreCall,
  toFailure,
  type ToWorker,
} from "./thread_protocol.ts";

/** Global scope of a worker, as far as a window's scope lacks it. */
interface WorkerScope {
  postMessage(message: FromWorker, transfer?: readonly Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;
let store: SqliteStore | undefined;
let answers: StoreAnswer[] = [];
/** Memory that goes to the other side with the answers, and is not copied. */
let givenAway: ArrayBuffer[] = [];
/** Buffers among them that the other side may use again. */
let buffers: ArrayBuffer[] = [];

scope.onmessage = ({ data }) => {
  if (data.kind === "open") void open(data);
  else for (const call of unpackCalls(data.calls)) void answer(call);
};

async function open(
  { path, identity, keepCopy }: OpenRequest,
): Promise<void> {
  let copy: string | undefined;
  try {
    store = await openStore(path, {
      clock: systemClock,
      random: systemRandom,
      identity,
      keepCopy,
      onUpgrade: () => scope.postMessage({ kind: "upgrading" }),
      onCopied: (path) => copy = path,
    });
    scope.postMessage({ kind: "opened", managerId: store.managerId, copy });
  } catch (error) {
    scope.postMessage({ kind: "refused", failure: toFailure(error) });
  }
}

async function answer({ id, method, args }: StoreCall): Promise<void> {
  try {
    if (store === undefined) {
      throw new TypeError("Cannot call the store: it is not open");
    }
    const value = await call(store, method, args);
    if (method === "readOutput") giveAway(value as readonly StoredOutput[]);
    tell({ id, value });
  } catch (error) {
    tell({ id, failure: toFailure(error) });
  }
  if (method === "appendOutput") freePiece(args[1] as OwnedPiece);
}

/** Gives the buffer of a piece back that can be used again, and frees any other by hand. */
function freePiece(piece: OwnedPiece): void {
  if (!piece.keep) return;
  const { buffer } = piece.bytes;
  if (!isReusable(buffer)) return releaseWhole(piece.bytes);
  buffers.push(buffer);
  givenAway.push(buffer);
}

function call(
  store: SqliteStore,
  method: StoreCall["method"],
  args: readonly unknown[],
): Promise<unknown> {
  if (method === "close") {
    return Promise.resolve(store[Symbol.asyncDispose]());
  }
  if (method === "createCommands") return create(store, args);
  if (method === "agents") return store.packedAgents();
  if (method === "agent") return store.packedAgent(args[0] as string);
  // The client on the other side has the types; here the values are only passed on.
  const run = store[method] as (
    ...args: readonly unknown[]
  ) => Promise<unknown>;
  return run.apply(store, [...args]);
}

/** Makes commands that come packed, and answers without their records. */
async function create(
  store: Store,
  [commands, ...rest]: readonly unknown[],
): Promise<unknown> {
  const [request, audit] = rest as [
    Parameters<Store["createCommands"]>[1],
    Parameters<Store["createCommands"]>[2],
  ];
  const made = unpacked(commands as PackedCommands);
  return withoutRecords(await store.createCommands(made, request, audit));
}

function giveAway(pieces: readonly StoredOutput[]): void {
  for (const { bytes: { buffer } } of pieces) {
    if (buffer instanceof ArrayBuffer) givenAway.push(buffer);
  }
}

/** Adds an answer; answers of one commit go back in one message. */
function tell(one: StoreAnswer): void {
  answers.push(one);
  if (answers.length > 1) return;
  queueMicrotask(() => {
    const all = answers;
    const [transfer, back] = [givenAway, buffers];
    answers = [];
    givenAway = [];
    buffers = [];
    scope.postMessage(
      { kind: "answers", answers: all, buffers: back },
      transfer,
    );
  });
}
