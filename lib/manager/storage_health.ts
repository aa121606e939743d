import type { Clock, Timer } from "../base/clock.ts";
import { codeOf, messageOf, PiriError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { Store } from "../store/store.ts";
import type { StoreMethod } from "../store/thread_protocol.ts";
import type { Events } from "./events/events.ts";
import type { WriteFailure } from "./api/operator_api.ts";

const log = logger("manager", "storage");

/**
 * Time without a failed write after which a write that succeeds shows that all is well again, in milliseconds. On a full
 * disk a small write often succeeds between larger ones that fail.
 */
const CALM_MS = 10_000;

/** True for requests to the store that write. */
export const WRITES: Readonly<Record<StoreMethod, boolean>> = {
  agents: false,
  agent: false,
  addAgent: true,
  setToken: true,
  setAgents: true,
  setHostFacts: true,
  changeEnrolment: true,
  enrolAgent: true,
  enrolment: false,
  joinAgent: true,
  joinToken: false,
  revokeAgent: true,
  removeAgent: true,
  renameAgent: true,
  checkRename: false,
  agentAliases: false,
  removedAt: false,
  admitAgent: true,
  agentLeft: true,
  createCommands: true,
  findRequest: false,
  patchCommand: true,
  command: false,
  commands: false,
  openCommands: false,
  blobUses: false,
  operators: false,
  changeOperators: true,
  issuers: false,
  changeIssuers: true,
  lastCommandId: false,
  approval: false,
  approvals: false,
  addApproval: true,
  changeApproval: true,
  plan: false,
  plans: false,
  planAgents: false,
  planBlobs: false,
  planPlaces: false,
  addPlan: true,
  changePlan: true,
  driftRules: false,
  driftAgents: false,
  driftUntold: false,
  setDriftRule: true,
  endDriftRound: true,
  keepDriftRules: true,
  failedApplies: false,
  createJob: true,
  job: false,
  jobOfRequest: false,
  jobs: false,
  foundJobs: false,
  lastJobId: false,
  patchJob: true,
  deliveries: false,
  changeDeliveries: true,
  recountJob: true,
  jobEntries: false,
  unstartedEntries: false,
  entriesOf: false,
  startEntries: true,
  moveEntries: true,
  jobAgents: false,
  noteStopping: true,
  stoppingAt: false,
  appendOutput: true,
  dropOutput: true,
  readOutput: false,
  hashKept: true,
  recordAudit: true,
  auditPage: false,
  checkAudit: false,
  auditState: false,
  auditHashes: false,
  lastAuditBefore: false,
  addCheckpoint: true,
  checkpoints: false,
  pruneAudit: true,
  compareCommands: false,
  addEvent: true,
  rewordEvent: true,
  eventsAbout: false,
  eventHistory: false,
  prune: true,
  stats: false,
};

/** Knows if the database can be written, from the outcome of each write, and tells operators of each change. */
export class StorageHealth {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #events: Events | undefined;
  #failure: WriteFailure | undefined;
  /** Monotonic time of the latest failure. */
  #failedAt = -Infinity;
  #timer: Timer | undefined;
  /** True while the event of the recovery is written, which shows the recovery. */
  #isTrying = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begin and reason, while the database cannot be written. */
  get failure(): WriteFailure | undefined {
    return this.#failure;
  }

  /** Tells each change by an event from now on. */
  tellBy(events: Events): void {
    this.#events = events;
  }

  /** Calls back at each change, until the result is disposed. */
  listen(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return {
      [Symbol.dispose]: () => void this.#listeners.delete(listener),
    };
  }

  /** Store that reports the outcome of its writes here. */
  watch(store: Store): Store {
    const methods = Object.entries(WRITES).map(([name, writes]) => {
      const call = (store[name as StoreMethod] as Call).bind(store);
      return [name, writes ? this.#watched(call) : call];
    });
    // Each method passes its arguments on and returns the answer, so the types are those of the Store.
    return Object.assign(Object.fromEntries(methods), {
      managerId: store.managerId,
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    }) as Store;
  }

  /** Stops to look whether the database can be written again. */
  close(): void {
    this.#timer?.cancel();
  }

  #watched(call: Call): Call {
    return (...args) => {
      const answer = call(...args);
      answer.then(this.#wrote, this.#failed);
      return answer;
    };
  }

  readonly #wrote = (): void => {
    if (this.#failure === undefined || !this.#isCalm()) return;
    const text = recoveryText(this.#failure);
    this.#failure = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    log.info("The database can be written again");
    if (!this.#isTrying) this.#events?.add("storage_recovered", text);
    this.#tell();
  };

  readonly #failed = (error: unknown): void => {
    if (!isOfDisk(error)) return;
    const now = this.#clock.now();
    const reason = factOf(error);
    const isFirst = this.#failure === undefined;
    this.#failure = { since: now, ...this.#failure, lastAt: now, reason };
    this.#failedAt = this.#clock.monotonic();
    this.#lookLater(CALM_MS);
    if (!isFirst) return;
    log.error("The database cannot be written: {reason}", { reason });
    this.#events?.add(
      "storage_failed",
      `the Manager cannot write its database: ${reason}`,
    );
    this.#tell();
  };

  #isCalm(): boolean {
    return this.#clock.monotonic() - this.#failedAt >= CALM_MS;
  }

  /** Tries a write after a calm time: there may be no other one as long as no agent is there. */
  #lookLater(ms: number): void {
    this.#timer ??= this.#clock.timer(ms, () => {
      this.#timer = undefined;
      if (this.#failure === undefined) return;
      const left = this.#failedAt + CALM_MS - this.#clock.monotonic();
      if (left > 0) this.#lookLater(left);
      else void this.#try(recoveryText(this.#failure));
    });
  }

  /** Writes the event of the recovery. If that fails, the next look comes by the failure. */
  async #try(text: string): Promise<void> {
    this.#isTrying = true;
    await this.#events?.tryAdd("storage_recovered", text);
    this.#isTrying = false;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

type Call = (...args: readonly unknown[]) => Promise<unknown>;

/** True for an error of the disk or the database; any other write that fails says nothing about them. */
function isOfDisk(error: unknown): boolean {
  return error instanceof PiriError &&
    ["DISK", "CORRUPT", "INTERNAL"].includes(codeOf(error));
}

function recoveryText({ since, reason }: WriteFailure): string {
  const begin = new Date(since).toISOString();
  return `the Manager can write its database again; it could not since ${begin}: ${reason}`;
}

/** The innermost fact of an error, without the attempts. */
function factOf(error: unknown): string {
  const message = messageOf(error);
  return message.slice(message.lastIndexOf(": ") + 1).trim();
}
