import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Clock, systemClock } from "../../lib/base/clock.ts";
import { codeOf, type ErrorCode } from "../../lib/base/errors.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { openStore } from "../../lib/store/open.ts";
import type { NewAudit } from "../../lib/store/audit_records.ts";
import type { NewCommand } from "../../lib/store/records.ts";
import type { Store } from "../../lib/store/store.ts";

const clock: Clock = { ...systemClock, now: () => 1_700_000_000_000.25 };

/** Opens a store as a Manager would. */
export function open(path: string, largeBytes?: number): Promise<Store> {
  return openStore(path, { clock, random: systemRandom, largeBytes });
}

/** Opens a store, and notes the copies that are made of its database. */
export function openNoting(path: string, copies: string[]): Promise<Store> {
  const onCopied = (copy: string) => void copies.push(copy);
  return openStore(path, { clock, random: systemRandom, onCopied });
}

/** Opens a store that keeps the copy of its database with a schema of this version. */
export function openKeeping(path: string, keepCopy: number): Promise<Store> {
  return openStore(path, { clock, random: systemRandom, keepCopy });
}

/** Temporary folder that ends with the test, and a path in it for a database. */
export async function temporaryFolder(): Promise<
  { path: string; database: string } & AsyncDisposable
> {
  const path = await Deno.makeTempDir({ prefix: "piri-store-" });
  return {
    path,
    database: join(path, "manager.db"),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** Store that ends with the test. */
export interface StartedStore extends AsyncDisposable {
  readonly store: Store;
  readonly database: string;
}

/** Opens a store on a real file. Output from a size of `largeBytes` on is in segments. */
export async function startStore(largeBytes?: number): Promise<StartedStore> {
  await using stack = new AsyncDisposableStack();
  const { database } = stack.use(await temporaryFolder());
  const store = stack.use(await open(database, largeBytes));
  const resources = stack.move();
  return {
    store,
    database,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Command for web-1, with the given changes. */
export function newCommand(given: Partial<NewCommand> = {}): NewCommand {
  return {
    agent: "web-1",
    operation: "command.Run",
    params: "{}",
    nonce: 1n,
    requestedBy: "root",
    timeoutMs: null,
    onDisconnect: "continue",
    killAfterMs: null,
    state: "sent",
    instance: "i",
    session: 1n,
    createdAt: 1_000,
    sentAt: 1_000,
    ...given,
  };
}

/** Records one command and returns its id. */
export async function create(
  store: Store,
  given: Partial<NewCommand> = {},
): Promise<bigint> {
  const requestId = crypto.randomUUID();
  const { commands: [command] } = await store.createCommands(
    [newCommand(given)],
    { requestId, job: `job of ${requestId}` },
  );
  return command?.id ?? 0n;
}

/** Adds an agent whose token is the byte 1 repeated, valid until 10,000. */
export function addAgent(store: Store, id = "web-1"): Promise<void> {
  return store.addAgent({
    id,
    groups: ["web", "eu"],
    cidrs: ["10.0.0.0/8"],
    tokenHash: hash(1),
    tokenExpiresAt: 10_000,
    addedAt: 1_000,
  });
}

/** Hello of an agent, as the store takes it. */
export const hello = {
  protocol: 2,
  version: "0.1.0",
  facts: { os: "linux" },
  instance: "abc",
  session: 2n ** 64n - 1n,
  lastCommandId: 0n,
  address: "127.0.0.1:5",
  at: 2_000.75,
  patches: [],
};

/** Bytes as long as a SHA-256, all equal to `byte`. */
export function hash(byte: number): Uint8Array {
  return new Uint8Array(32).fill(byte);
}

export function bytes(length: number, value = 120): Uint8Array {
  return new Uint8Array(length).fill(value);
}

/** Code that a call was refused with, or "done". */
export function outcome(
  promise: Promise<unknown>,
): Promise<ErrorCode | "done"> {
  return promise.then(() => "done", codeOf);
}

/** Asserts that a call was refused with this code. */
export async function assertCode(
  promise: Promise<unknown>,
  code: ErrorCode,
): Promise<void> {
  assertEquals(await outcome(promise), code);
}

/** Entry of the audit, with the given changes. */
export function anEntry(given: Partial<NewAudit> = {}): NewAudit {
  return {
    at: 1_000.5,
    who: "anna",
    credential: "socket",
    origin: "local",
    act: "AddAgent",
    target: "web-1",
    operation: "",
    decision: "allowed",
    rule: "",
    statement: null,
    outcome: "",
    note: "",
    ...given,
  };
}

/** Registers a test twice: with all output in the table, and with all of it in segments. */
export function inBothPlaces(
  name: string,
  test: (start: () => Promise<StartedStore>) => Promise<void>,
): void {
  for (
    const [where, largeBytes] of [["table", Infinity], ["segments", 1]] as const
  ) {
    Deno.test(`${name} (${where})`, () => test(() => startStore(largeBytes)));
  }
}
