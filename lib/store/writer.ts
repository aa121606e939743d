import { setImmediate } from "node:timers";
import { codeOf, messageOf, PiriError } from "../base/errors.ts";
import type { Database } from "./database.ts";

/** Approximate cost of a write, so that a transaction stays bounded. */
export interface WriteSize {
  readonly rows: number;
  readonly bytes: number;
}

/** Limits of one transaction; a single write may exceed them. */
const MAX_ROWS = 2_000;
const MAX_BYTES = 8 * 1_048_576;

const ONE_ROW: WriteSize = { rows: 1, bytes: 0 };
const NOTHING: WriteSize = { rows: 0, bytes: 0 };

/** Part that writes what it remembers once a transaction, and not once a write. */
export interface Deferred {
  /** Writes what is remembered. Called before each commit, and before each write of several stands for itself. */
  flush(): void;
  /** Forgets what is remembered, as it was undone. */
  forget(): void;
}

/** Writes of one kind, which cost less together. */
export interface Gathered<T, R = void> {
  /** Does one of them by itself. */
  readonly one: (item: T) => R;
  /**
   * Does several, with the same end as one after the other, and returns what each returns. Undefined if one has to be
   * told apart: then all of the transaction is undone, and each is done by itself.
   */
  readonly several: (items: readonly T[]) => readonly R[] | undefined;
}

/** Write or read that was asked for. */
interface Request {
  readonly kind: "read" | "write";
  readonly size: WriteSize;
  /** Does the work and returns a function that answers the caller. */
  attempt(): () => void;
  reject(error: unknown): void;
  /** Present if the write may be done with others of its kind; `tell` answers the caller then. */
  readonly gathered?: Gathering;
}

interface Gathering {
  readonly by: Gathered<unknown, unknown>;
  readonly item: unknown;
  tell(value: unknown): void;
}

/**
 * The only writer: writes that are asked for in the same turn of the event loop become one transaction (group commit).
 *
 * If a write throws, only that write is undone. For this, all of them run again, each in a savepoint, so a write must
 * change nothing but the database. All are answered after the COMMIT, in the order of the calls. A read waits for the
 * writes before it and sees only committed rows. It may also see later writes, if they are committed together with the
 * earlier ones.
 */
export class Writer {
  readonly #db: Database;
  readonly #deferred: Deferred | undefined;
  #queue: Request[] = [];
  #scheduled = false;
  #closed = false;

  constructor(db: Database, deferred?: Deferred) {
    this.#db = db;
    this.#deferred = deferred;
  }

  /** Asks for a write. It may run twice; the return value of the last run counts. */
  write<T>(run: () => T, size = ONE_ROW): Promise<T> {
    const { request, promise } = requestOf("write", run, size);
    this.#add(request);
    return promise;
  }

  /** Asks for a write that may be done together with others of its kind that come right before or after it. */
  gather<T, R>(
    by: Gathered<T, R>,
    item: T,
    size = ONE_ROW,
  ): Promise<R> {
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    const attempt = () => {
      const value = by.one(item);
      return () => resolve(value);
    };
    // One kind has items and values of one type.
    const kind = by as Gathered<unknown, unknown>;
    const tell = resolve as (value: unknown) => void;
    const gathered = { by: kind, item, tell };
    this.#add({ kind: "write", size, attempt, reject, gathered });
    return promise;
  }

  read<T>(run: () => T): Promise<T> {
    const { request, promise } = requestOf("read", run, NOTHING);
    if (this.#closed) {
      request.reject(closedError());
    } else if (this.#queue.length === 0) {
      answer(request);
    } else {
      this.#queue.push(request);
    }
    return promise;
  }

  /** Finishes the queued work; later calls are rejected. */
  close(): void {
    this.#closed = true;
    while (this.#queue.length > 0) this.#work();
  }

  #add(write: Request): void {
    if (this.#closed) {
      write.reject(closedError());
    } else {
      this.#queue.push(write);
      this.#schedule();
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // A microtask would run before the other messages of this turn are handled, and would commit each alone.
    setImmediate(() => {
      this.#scheduled = false;
      this.#work();
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  #work(): void {
    const batch = this.#queue.splice(0, batchLength(this.#queue));
    this.#commit(batch.filter(({ kind }) => kind === "write"));
    for (const request of batch) {
      if (request.kind === "read") answer(request);
    }
  }

  #commit(writes: readonly Request[]): void {
    if (writes.length === 0) return;
    let answers: (() => void)[];
    try {
      answers = this.#together(writes) ?? this.#oneByOne(writes);
    } catch (error) {
      this.#giveUp(writes, error);
      return;
    }
    for (const tell of answers) tell();
  }

  /** Runs the writes without savepoints, which cost as much as small writes. Undefined if one of them throws. */
  #together(writes: readonly Request[]): (() => void)[] | undefined {
    const answers: (() => void)[] = [];
    this.#db.run("BEGIN IMMEDIATE");
    try {
      for (const group of groupsOf(writes)) answers.push(...attempt(group));
      this.#deferred?.flush();
    } catch (error) {
      this.#deferred?.forget();
      // On a full disk SQLite has rolled back the whole transaction, so a single write cannot be undone.
      if (!this.#db.inTransaction) throw error;
      this.#db.run("ROLLBACK");
      return undefined;
    }
    this.#db.run("COMMIT");
    return answers;
  }

  #oneByOne(writes: readonly Request[]): (() => void)[] {
    this.#db.run("BEGIN IMMEDIATE");
    const answers = writes.map((write) => this.#attempt(write));
    this.#db.run("COMMIT");
    return answers;
  }

  #attempt(write: Request): () => void {
    this.#db.run("SAVEPOINT one");
    try {
      const tell = write.attempt();
      this.#deferred?.flush();
      this.#db.run("RELEASE one");
      return tell;
    } catch (error) {
      this.#deferred?.forget();
      if (!this.#db.inTransaction) throw error;
      this.#db.run("ROLLBACK TO one");
      this.#db.run("RELEASE one");
      return () => write.reject(error);
    }
  }

  #giveUp(writes: readonly Request[], cause: unknown): void {
    this.#deferred?.forget();
    const error = new PiriError(
      codeOf(cause) === "CORRUPT" ? "CORRUPT" : "DISK",
      `Cannot commit ${writes.length} writes: ${messageOf(cause)}`,
      { cause },
    );
    try {
      if (this.#db.inTransaction) this.#db.run("ROLLBACK");
    } catch {
      // If this fails, the next BEGIN fails too, and with it the next writes: nothing is reported as stored that is
      // not.
    }
    for (const write of writes) write.reject(error);
  }
}

/** Writes that may be done together, and each other one by itself, in their order. */
function groupsOf(writes: readonly Request[]): Request[][] {
  const groups: Request[][] = [];
  let by: Gathered<unknown, unknown> | undefined;
  for (const write of writes) {
    const joins = by !== undefined && write.gathered?.by === by;
    if (joins) groups.at(-1)?.push(write);
    else groups.push([write]);
    by = write.gathered?.by;
  }
  return groups;
}

/** Does a group of writes, and returns what answers their callers. */
function attempt(group: readonly Request[]): (() => void)[] {
  const gathered = group.flatMap((write) => write.gathered ?? []);
  const [first] = gathered;
  if (first === undefined || group.length === 1) {
    return group.map((write) => write.attempt());
  }
  const values = first.by.several(gathered.map(({ item }) => item));
  if (values === undefined) {
    throw new Error("Cannot do these writes together: one is to be told apart");
  }
  return gathered.map(({ tell }, index) => () => tell(values[index]));
}

function requestOf<T>(
  kind: Request["kind"],
  run: () => T,
  size: WriteSize,
): { request: Request; promise: Promise<T> } {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  function attempt(): () => void {
    const value = run();
    return () => resolve(value);
  }
  return { request: { kind, size, attempt, reject }, promise };
}

function answer(read: Request): void {
  try {
    read.attempt()();
  } catch (error) {
    read.reject(error);
  }
}

/** Count of requests from the head of the queue that share a transaction: at least one. */
function batchLength(queue: readonly Request[]): number {
  let rows = 0;
  let bytes = 0;
  const end = queue.findIndex(({ size }, index) => {
    rows += size.rows;
    bytes += size.bytes;
    return index > 0 && (rows > MAX_ROWS || bytes > MAX_BYTES);
  });
  return end === -1 ? queue.length : end;
}

function closedError(): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    "Cannot use the database: it has been closed",
  );
}
