import { operatorText } from "../../base/asker.ts";
import { approvalName, approvalsText } from "../../base/approval_name.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import { jobName } from "../../base/job_state.ts";
import { logger } from "../../base/log.ts";
import { canonicalHash, canonicalJson } from "../../base/statement.ts";
import { Turns } from "../../base/turns.ts";
import type {
  ApprovalChange,
  ApprovalRecord,
  ApprovalState,
  ApprovalVote,
} from "../../store/approval_records.ts";
import type { Store } from "../../store/store.ts";
import type { Rights, Sight } from "../access_api.ts";
import type { Role } from "../../base/role.ts";
import type {
  ApprovableRequest,
  ApprovalAdmin,
  ApprovalView,
  Decider,
  ProposedJob,
} from "../approval_api.ts";
import { auditEntry } from "../audit_entry.ts";
import type { Events } from "../events.ts";
import type { StartedJob } from "../job_api.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { SecretDesk } from "../secrets/secret_desk.ts";
import {
  isSameParty,
  partyOf,
  requireOther,
  requireRight,
} from "./deciders.ts";
import { hashText, jobStatement, newApproval, requestOf } from "./proposal.ts";

const log = logger("manager", "approvals");

/** Time in which a job can be approved, in milliseconds. */
export const APPROVAL_MS = 3_600_000;

/** Most jobs that wait. */
const MAX_WAITING = 1_000;

/** Time after which an expiry that could not be recorded is tried again, in milliseconds. */
const RETRY_MS = 10_000;

/** Codes of errors that say nothing about a job, but about the moment. */
const PASSING = new Set(["UNAVAILABLE", "BUSY", "DISK", "INTERNAL", "CORRUPT"]);

/** Parts that approvals need. */
export interface ApprovalsOptions {
  readonly store: Pick<
    Store,
    "approval" | "approvals" | "addApproval" | "changeApproval"
  >;
  readonly clock: Clock;
  readonly events: Pick<Events, "add">;
  readonly jobs: Pick<Jobs, "start" | "prepare" | "startApproved" | "earlier">;
  readonly secrets: Pick<SecretDesk, "namesOf" | "keep" | "drop" | "givenFor">;
  /** Rights of an operator who is not there now. Throws DENIED for one who may do nothing any more. */
  readonly rightsOf: (
    asker: { readonly name: string; readonly tokenId: number },
  ) => Rights & { readonly role: Role };
}

/** Jobs that wait until others approve of them. */
export class Approvals implements ApprovalAdmin {
  readonly #options: ApprovalsOptions;
  readonly #turns = new Turns();
  #changed = Promise.withResolvers<void>();
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: ApprovalsOptions) {
    this.#options = options;
  }

  /** Takes up those that wait. Called once. */
  async load(): Promise<void> {
    await this.#turns.run(() => this.#expire());
  }

  /** Ends what waits for the time. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async start(
    request: ApprovableRequest,
  ): Promise<StartedJob | ProposedJob> {
    const { jobs, store } = this.#options;
    const { requestId } = request;
    if (await jobs.earlier(requestId) !== undefined) {
      return await jobs.start(request);
    }
    const [asked] = await store.approvals({ limit: 1, requestId });
    if (asked !== undefined) {
      if (asked.state === "waiting") this.#keepSecrets(asked.id, request);
      return { approval: viewOf(asked), notes: undefined };
    }
    const { names, notes, approvals } = await jobs.prepare(request);
    const needed = Math.max(approvals, request.propose ? 1 : 0);
    if (needed === 0) return await jobs.start(request);
    const approval = await this.#turns.run(() =>
      this.#propose(request, names, needed)
    );
    return { approval, notes };
  }

  async list(
    filter: Parameters<ApprovalAdmin["list"]>[0],
    sight?: Sight,
  ): Promise<ApprovalView[]> {
    const onlyAgents = sight?.names();
    const list = await this.#options.store.approvals({ ...filter, onlyAgents });
    return list.map(viewOf);
  }

  async get(id: bigint, sight?: Sight): Promise<ApprovalView> {
    return viewOf(await this.#find(id, sight));
  }

  async *watch(
    id: bigint,
    { signal, sight }: Parameters<ApprovalAdmin["watch"]>[1],
  ): AsyncIterable<ApprovalView> {
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true })
    );
    let told = -1;
    while (!signal.aborted) {
      const changed = this.#changed.promise;
      const view = await this.get(id, sight);
      const version = view.votes.length;
      if (version !== told || view.state !== "waiting") yield view;
      if (view.state !== "waiting") return;
      told = version;
      await Promise.race([changed, aborted]);
    }
  }

  approve(
    ...[id, decider]: Parameters<ApprovalAdmin["approve"]>
  ): Promise<ApprovalView> {
    return this.#turns.run(() => this.#approve(id, decider));
  }

  reject(
    ...[id, decider]: Parameters<ApprovalAdmin["reject"]>
  ): Promise<ApprovalView> {
    return this.#turns.run(async () => {
      const record = await this.#waiting("reject", id, decider);
      requireOther(record, decider, "reject");
      requireRight(record, decider.identity);
      const by = operatorText(decider);
      return await this.#end("Reject", record, decider, {
        state: "rejected",
        reason: `rejected by ${by}: ${decider.reason}`,
      });
    });
  }

  withdraw(id: bigint, decider: Decider): Promise<ApprovalView> {
    return this.#turns.run(async () => {
      const record = await this.#waiting("withdraw", id, decider);
      const asked = { name: record.requestedBy, tokenId: record.tokenId };
      if (!isSameParty(asked, partyOf(decider))) {
        throw new PiriError(
          "DENIED",
          `Cannot withdraw ${
            approvalName(id)
          }: "${record.requestedBy}" asked for it (piri-manager reject ${
            approvalName(id)
          } REASON)`,
        );
      }
      return await this.#end("Withdraw", record, decider, {
        state: "withdrawn",
        reason: `withdrawn by ${operatorText(decider)}`,
      });
    });
  }

  async #propose(
    request: ApprovableRequest,
    names: readonly string[],
    needed: number,
  ): Promise<ApprovalView> {
    const { store, clock, secrets } = this.#options;
    const waiting = await store.approvals({
      limit: MAX_WAITING,
      waiting: true,
    });
    if (waiting.length >= MAX_WAITING) {
      throw new PiriError(
        "BUSY",
        `Cannot ask for an approval: ${MAX_WAITING} jobs wait for theirs`,
      );
    }
    const now = clock.now();
    const statement = jobStatement(request, names, secrets.namesOf(request));
    const { record, repeated } = await store.addApproval(
      newApproval(request, statement, {
        needed,
        createdAt: now,
        expiresAt: now + APPROVAL_MS,
      }),
      auditEntry(
        {
          act: "Propose",
          on: request.targets.expressions,
          operation: request.operation,
          statement,
        },
        request,
        clock,
      ),
    );
    if (repeated) return viewOf(record);
    this.#keepSecrets(record.id, request);
    this.#tell(
      "approval_asked",
      record,
      `${operatorText(request)} asks for ${
        approvalsText(needed)
      } of ${request.operation} on ${agentsText(names)}`,
    );
    this.#schedule(record.expiresAt);
    return viewOf(record);
  }

  async #approve(
    id: bigint,
    decider: Parameters<ApprovalAdmin["approve"]>[1],
  ): Promise<ApprovalView> {
    const record = await this.#waiting("approve", id, decider);
    const name = approvalName(id);
    requireOther(record, decider, "approve");
    requireRight(record, decider.identity);
    const asked = hashText(decider.hash);
    if (asked !== "" && asked !== hashText(record.hash)) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot approve ${name}: the SHA-256 of its statement is ${
          hashText(record.hash)
        }, not ${asked}`,
      );
    }
    const votes = record.votes.filter((vote) => this.#counts(record, vote));
    const party = partyOf(decider);
    if (votes.some((vote) => isSameParty(voter(vote), party))) {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot approve ${name}: ${
          decider.identity === undefined
            ? "it was approved on the Manager's machine already"
            : `"${party.name}" has approved it already`
        }`,
      );
    }
    const vote: ApprovalVote = {
      by: decider.requestedBy,
      tokenId: party.tokenId,
      note: decider.note,
      at: this.#options.clock.now(),
    };
    return await this.#count(record, [...votes, vote], decider);
  }

  /** Takes the votes of a job, and starts it if they are enough. Rights are those of this moment. */
  async #count(
    record: ApprovalRecord,
    votes: readonly ApprovalVote[],
    decider: Decider,
  ): Promise<ApprovalView> {
    const { jobs, secrets, clock, store } = this.#options;
    const { id } = record;
    try {
      const rights = this.#rightsOfAsker(record);
      const { request, agents } = record;
      const needed = Math.max(
        record.needed,
        rights?.approvals(request, agents) ?? 0,
      );
      if (votes.length < needed) {
        const change = { kind: "vote", votes, needed } as const;
        const audit = this.#audit("Approve", record, decider);
        const changed = await store.changeApproval(id, change, audit);
        this.#tellVote(changed, decider);
        return viewOf(changed);
      }
      const given = secrets.givenFor(approvalName(id));
      const started = await jobs.startApproved(
        requestOf(record, {
          ...rights === undefined ? {} : { rights },
          ...given === undefined ? {} : { secrets: given },
        }),
        {
          names: agents,
          requireSame: (names) => {
            const named = secrets.namesOf(request);
            requireSame(record, jobStatement(request, names, named));
          },
          approved: { id, votes, needed, at: clock.now() },
          statement: JSON.parse(record.statement),
          audit: this.#audit("Approve", record, decider),
        },
      );
      secrets.drop(approvalName(id));
      this.#tellVote({ ...record, votes, needed }, decider);
      log.info("{id} is approved and has become {job}", {
        id: approvalName(id),
        job: jobName(started.job.id),
      });
      return await this.get(id);
    } catch (error) {
      if (!(error instanceof PiriError) || PASSING.has(codeOf(error))) {
        throw error;
      }
      const now = await store.approval(id);
      if (now?.state !== "waiting") throw error;
      return await this.#end("Approve", record, decider, {
        state: "refused",
        reason: `approved, but not started: ${messageOf(error)}`,
      });
    }
  }

  /** True for an approval by somebody who may still give it. */
  #counts(record: ApprovalRecord, vote: ApprovalVote): boolean {
    if (vote.tokenId === null) return true;
    try {
      const { tokenId } = vote;
      const rights = this.#options.rightsOf({ name: vote.by, tokenId });
      requireRight(record, rights);
      return true;
    } catch {
      return false;
    }
  }

  #rightsOfAsker(
    { requestedBy, tokenId }: ApprovalRecord,
  ): Rights | undefined {
    if (tokenId === null) return undefined;
    return this.#options.rightsOf({ name: requestedBy, tokenId });
  }

  async #find(id: bigint, sight: Sight | undefined): Promise<ApprovalRecord> {
    const record = await this.#options.store.approval(id);
    const isSeen = record !== undefined &&
      (sight === undefined || record.agents.every((name) => sight.has(name)));
    if (isSeen) return record;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot find ${approvalName(id)}: there is no such approval`,
    );
  }

  async #waiting(
    attempt: string,
    id: bigint,
    decider: Decider,
  ): Promise<ApprovalRecord> {
    const record = await this.#find(id, decider.identity?.sight);
    const now = this.#options.clock.now();
    if (record.state === "waiting" && record.expiresAt <= now) {
      await this.#expire();
      return await this.#waiting(attempt, id, decider);
    }
    if (record.state === "waiting") return record;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot ${attempt} ${approvalName(id)}: ${
        record.state === "started"
          ? `it was approved, and has become job ${jobName(record.jobId ?? 0n)}`
          : `it is ${record.state}`
      }`,
    );
  }

  /** Ends all whose time is over, and waits for the next one. */
  async #expire(): Promise<void> {
    const { store, clock } = this.#options;
    const now = clock.now();
    const waiting = await store.approvals({
      limit: MAX_WAITING,
      waiting: true,
    });
    for (const record of waiting) {
      if (record.expiresAt > now) continue;
      await this.#end("Expire", record, undefined, {
        state: "expired",
        reason: "nobody decided within 1 h",
      });
    }
    const next = waiting.map(({ expiresAt }) => expiresAt)
      .filter((at) => at > now);
    if (next.length > 0) this.#schedule(Math.min(...next));
  }

  #schedule(at: number): void {
    if (this.#timer !== undefined || this.#isStopped) return;
    const { clock } = this.#options;
    const wait = Math.max(at - clock.now(), 0);
    this.#timer = clock.timer(wait, () => {
      this.#timer = undefined;
      this.#turns.run(() => this.#expire()).catch((error) => {
        if (this.#isStopped) return;
        log.warning("Cannot end approvals whose time is over: {error}", {
          error: messageOf(error),
        });
        this.#schedule(clock.now() + RETRY_MS);
      });
    });
  }

  async #end(
    act: string,
    record: ApprovalRecord,
    decider: Decider | undefined,
    { state, reason }: Pick<
      ApprovalChange & { kind: "end" },
      "state" | "reason"
    >,
  ): Promise<ApprovalView> {
    const { store, clock, secrets } = this.#options;
    const { id } = record;
    const by = decider?.requestedBy ?? "";
    const ended = await store.changeApproval(
      id,
      { kind: "end", state, reason, at: clock.now(), by },
      { ...this.#audit(act, record, decider), outcome: reason },
    );
    secrets.drop(approvalName(id));
    this.#tell(`approval_${state}`, ended, endText(state, decider));
    return viewOf(ended);
  }

  #keepSecrets(id: bigint, request: ApprovableRequest): void {
    this.#options.secrets.keep(approvalName(id), request);
  }

  #audit(act: string, record: ApprovalRecord, decider: Decider | undefined) {
    return auditEntry(
      {
        act,
        on: [approvalName(record.id)],
        operation: record.request.operation,
        statement: JSON.parse(record.statement),
      },
      decider ?? { requestedBy: "", saidBy: "", credential: "clock" },
      this.#options.clock,
    );
  }

  #tellVote({ id, votes, needed }: ApprovalRecord, decider: Decider): void {
    this.#tell(
      "approval_given",
      { id },
      `${operatorText(decider)} approves, ${votes.length} of ${needed}`,
    );
  }

  #tell(kind: string, { id }: Pick<ApprovalRecord, "id">, text: string): void {
    this.#options.events.add(kind, `${approvalName(id)}: ${text}`);
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
}

function viewOf(
  { requestId: _, tokenId: _token, credential: _c, origin: _o, ...view }:
    ApprovalRecord,
): ApprovalView {
  return view;
}

/** Tells an end without its reason, which may name agents that not all operators see. */
function endText(state: ApprovalState, decider: Decider | undefined): string {
  if (state === "refused") return "is approved, and could not be started";
  return decider === undefined
    ? `is ${state}`
    : `is ${state} by ${operatorText(decider)}`;
}

function voter({ by, tokenId }: ApprovalVote) {
  return { name: by, tokenId };
}

function agentsText({ length }: readonly string[]): string {
  return length === 1 ? "1 agent" : `${length} agents`;
}

/** Refuses to start anything but what was approved. */
function requireSame(
  { statement, hash }: ApprovalRecord,
  now: Parameters<typeof canonicalJson>[0],
): void {
  const text = canonicalJson(now);
  if (text === statement && hashText(canonicalHash(now)) === hashText(hash)) {
    return;
  }
  throw new PiriError(
    "FAILED_PRECONDITION",
    "what would be started is no longer what was approved",
  );
}
