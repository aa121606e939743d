import { setImmediate } from "node:timers";
import { systemClock, type Timer } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { agentShape } from "./agents.ts";
import { BufferPool } from "./buffer_pool.ts";
import type { NewAudit } from "./audit_records.ts";
import { type CreatedIds, packed, withRecords } from "./created_commands.ts";
import type { StoredIdentity } from "./identity.ts";
import type { OutputPiece } from "./output_piece.ts";
import { packCalls } from "./packed_patches.ts";
import type { CommandPatch } from "./records.ts";
import type { Store } from "./store.ts";
import { startStoreWorker } from "./store_worker.ts";
import {
  fromFailure,
  type FromWorker,
  type OpenRequest,
  type StoreAnswer,
  type StoreCall,
  type StoreMethod,
  type ToWorker,
} from "./thread_protocol.ts";
import {
  type Answer,
  type WaitingCall,
  WaitingCalls,
} from "./waiting_calls.ts";

const log = logger("manager", "store");

/** Methods of a Store. The type makes sure that none is missing. */
const METHODS: Readonly<Record<StoreMethod, true>> = {
  agents: true,
  agent: true,
  addAgent: true,
  setToken: true,
  setAgents: true,
  setHostFacts: true,
  changeEnrolment: true,
  enrolAgent: true,
  enrolment: true,
  joinAgent: true,
  joinToken: true,
  revokeAgent: true,
  removeAgent: true,
  renameAgent: true,
  checkRename: true,
  agentAliases: true,
  removedAt: true,
  admitAgent: true,
  agentLeft: true,
  createCommands: true,
  findRequest: true,
  patchCommand: true,
  command: true,
  commands: true,
  openCommands: true,
  blobUses: true,
  operators: true,
  changeOperators: true,
  issuers: true,
  changeIssuers: true,
  lastCommandId: true,
  approval: true,
  approvals: true,
  addApproval: true,
  changeApproval: true,
  plan: true,
  plans: true,
  planAgents: true,
  planBlobs: true,
  planPlaces: true,
  addPlan: true,
  changePlan: true,
  driftRules: true,
  driftAgents: true,
  driftUntold: true,
  setDriftRule: true,
  endDriftRound: true,
  keepDriftRules: true,
  failedApplies: true,
  createJob: true,
  job: true,
  jobOfRequest: true,
  jobs: true,
  foundJobs: true,
  lastJobId: true,
  patchJob: true,
  deliveries: true,
  changeDeliveries: true,
  recountJob: true,
  jobEntries: true,
  unstartedEntries: true,
  entriesOf: true,
  startEntries: true,
  moveEntries: true,
  jobAgents: true,
  noteStopping: true,
  stoppingAt: true,
  appendOutput: true,
  dropOutput: true,
  readOutput: true,
  hashKept: true,
  recordAudit: true,
  auditPage: true,
  checkAudit: true,
  auditState: true,
  auditHashes: true,
  lastAuditBefore: true,
  addCheckpoint: true,
  checkpoints: true,
  pruneAudit: true,
  compareCommands: true,
  addEvent: true,
  rewordEvent: true,
  eventsAbout: true,
  eventHistory: true,
  prune: true,
  stats: true,
};

/**
 * Opens a Manager's database in a thread of its own. A new one may have the identity of a Manager that is elsewhere,
 * too.
 *
 * @throws {PiriError} as `openStore`
 */
export async function openStoreClient(
  path: string,
  { worker = startStoreWorker(), onUpgrade, ...options }: {
    /** Thread that was started for it. It ends with the store, or if that cannot be opened. */
    readonly worker?: Worker | undefined;
    readonly identity?: StoredIdentity | undefined;
    readonly keepCopy?: number | undefined;
    /** Called before the database is copied and its schema changed, which may take long. */
    readonly onUpgrade?: (() => void) | undefined;
  } = {},
): Promise<Store> {
  const thread = new StoreThread(worker, onUpgrade);
  try {
    const managerId = await thread.open({ kind: "open", path, ...options });
    return storeOn(thread, managerId);
  } catch (error) {
    thread.terminate();
    throw error;
  }
}

/** Store that sends each call to the thread. */
function storeOn(thread: StoreThread, managerId: string): Store {
  const methods = Object.keys(METHODS).map((method) =>
    [
      method,
      (...args: readonly unknown[]) => thread.call(method as StoreMethod, args),
    ] as const
  );
  // Each method passes its arguments to the thread and returns its answer, so the types are those of the Store.
  return Object.assign(Object.fromEntries(methods), {
    managerId,
    agents: async () =>
      agentShape.unpack(await thread.call("agents", []) as string),
    agent: async (id: string) => {
      const packed = await thread.call("agent", [id]) as string | undefined;
      return packed === undefined ? undefined : agentShape.unpackOne(packed);
    },
    patchCommand: (patch: CommandPatch, audit?: NewAudit) =>
      audit === undefined
        ? thread.patch(patch)
        // It is not merged with others: it has an entry of its own.
        : thread.call("patchCommand", [patch, audit]),
    createCommands: async (...args: Parameters<Store["createCommands"]>) => {
      const [commands, ...rest] = args;
      const asked = thread.call("createCommands", [packed(commands), ...rest]);
      return withRecords(await asked as CreatedIds, commands);
    },
    appendOutput: (id: bigint, piece: OutputPiece) => thread.append(id, piece),
    [Symbol.asyncDispose]: () => thread.close(),
  }) as unknown as Store;
}

/** Call that was sent and is not answered. */
interface Pending {
  readonly answers: readonly Answer[];
  /** Message that the call was sent in; absent if no call waits for its answer. */
  readonly batch: Batch | undefined;
}

/** Message of several calls, with the count of those that are not answered. */
interface Batch {
  left: number;
}

/**
 * Limit of messages under way. Calls that come meanwhile are sent together, and committed together. Calls that are all
 * patient wait until none is under way.
 */
const MAX_UNDER_WAY = 2;

/**
 * Output that waits alone is committed after this many milliseconds, or once it is large: a commit costs about as much
 * for a line as for a megabyte, and nobody waits for output as for a result.
 */
const OUTPUT_MS = 5;
const OUTPUT_BYTES = 1_048_576;

/** The thread, with the calls for it that are not answered. */
class StoreThread {
  readonly #worker: Worker;
  readonly #onUpgrade: () => void;
  readonly #opened = Promise.withResolvers<string>();
  readonly #pending = new Map<number, Pending>();
  readonly #buffers = new BufferPool();
  readonly #waiting = new WaitingCalls(() => this.#begin(), this.#buffers);
  /** Timer for sending output that waits alone. */
  #outputTimer: Timer | undefined;
  #outputPostedAt = -Infinity;
  #underWay = 0;
  #failure: Error | undefined;
  #closed: Promise<void> | undefined;

  constructor(worker: Worker, onUpgrade: () => void = () => {}) {
    this.#worker = worker;
    this.#onUpgrade = onUpgrade;
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) =>
      this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(
        new PiriError(
          "INTERNAL",
          `Cannot use the database: the store's thread ended: ${event.message}`,
        ),
      );
    };
  }

  open(request: OpenRequest): Promise<string> {
    this.#post(request);
    return this.#opened.promise;
  }

  call(
    method: StoreCall["method"],
    args: readonly unknown[],
  ): Promise<unknown> {
    const refusal = this.#refusal(method);
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#waiting.add(method, args);
  }

  append(commandId: bigint, piece: OutputPiece): Promise<unknown> {
    const refusal = this.#refusal("appendOutput");
    if (refusal !== undefined) return Promise.reject(refusal);
    const answered = this.#waiting.append(commandId, piece);
    if (this.#waiting.outputBytes >= OUTPUT_BYTES) this.#flush();
    return answered;
  }

  patch(patch: CommandPatch): Promise<unknown> {
    const refusal = this.#refusal("patchCommand");
    if (refusal !== undefined) return Promise.reject(refusal);
    return this.#waiting.patch(patch);
  }

  #refusal(method: StoreCall["method"]): Error | undefined {
    return this.#closed !== undefined && method !== "close"
      ? new PiriError(
        "FAILED_PRECONDITION",
        "Cannot use the database: it is closed",
      )
      : this.#failure;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  terminate(): void {
    this.#outputTimer?.cancel();
    this.#worker.terminate();
  }

  async #close(): Promise<void> {
    try {
      await this.call("close", []);
    } finally {
      this.terminate();
    }
  }

  /** Sends all calls of this turn of the event loop in one message. */
  #begin(): void {
    const send = () => this.#flush();
    // A microtask would run before the connections that have also sent something are looked at.
    if (this.#waiting.arePatient) setImmediate(send);
    else queueMicrotask(send);
  }

  #flush(): void {
    const most = this.#waiting.arePatient ? 1 : MAX_UNDER_WAY;
    if (this.#underWay >= most || this.#waiting.isEmpty) return;
    if (this.#waitsForMore()) return;
    const { calls, buffers } = this.#waiting.take();
    // A prune takes long and runs between the other calls, so no call waits for its answer.
    const counts = ({ call }: WaitingCall) => call.method !== "prune";
    const batch: Batch = { left: calls.filter(counts).length };
    if (batch.left > 0) this.#underWay++;
    for (const each of calls) {
      this.#pending.set(each.call.id, {
        answers: each.answers,
        batch: counts(each) ? batch : undefined,
      });
    }
    this.#post(
      { kind: "calls", calls: packCalls(calls.map(({ call }) => call)) },
      buffers,
    );
  }

  /** True if only output is to be sent and it can wait. Any other call ends the wait. */
  #waitsForMore(): boolean {
    const now = systemClock.monotonic();
    const left = this.#outputPostedAt + OUTPUT_MS - now;
    const waits = this.#waiting.hasOnlyOutput &&
      this.#waiting.outputBytes < OUTPUT_BYTES && left > 0 &&
      this.#closed === undefined;
    if (!waits) {
      this.#outputTimer?.cancel();
      this.#outputTimer = undefined;
      if (this.#waiting.hasOutput) this.#outputPostedAt = now;
      return false;
    }
    this.#outputTimer ??= systemClock.timer(left, () => {
      this.#outputTimer = undefined;
      this.#flush();
    });
    return true;
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case "upgrading":
        log.info("The database is copied, and then changed for this version");
        return this.#onUpgrade();
      case "opened":
        if (message.copy !== undefined) {
          log.info(
            "The database was copied to {copy} before this version changed it",
            { copy: message.copy },
          );
        }
        return this.#opened.resolve(message.managerId);
      case "refused":
        return this.#opened.reject(fromFailure(message.failure));
      case "answers":
        for (const buffer of message.buffers) this.#buffers.giveBack(buffer);
        return message.answers.forEach((answer) => this.#settle(answer));
    }
  }

  #settle(answer: StoreAnswer): void {
    const pending = this.#pending.get(answer.id);
    if (pending === undefined) return;
    this.#pending.delete(answer.id);
    for (const each of pending.answers) {
      if ("failure" in answer) each.reject(fromFailure(answer.failure));
      else each.resolve(answer.value);
    }
    const { batch } = pending;
    if (batch === undefined) return;
    batch.left--;
    if (batch.left > 0) return;
    this.#underWay--;
    this.#flush();
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#outputTimer?.cancel();
    this.#opened.reject(error);
    const waiting = this.#waiting.take().calls;
    for (const { answers } of [...this.#pending.values(), ...waiting]) {
      for (const each of answers) each.reject(error);
    }
    this.#pending.clear();
  }
}
