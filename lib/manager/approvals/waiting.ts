import type { NewAudit } from "../../store/audit_records.ts";
import { operatorText } from "../../base/asker.ts";
import { approvalName, approvalsText } from "../../base/approval_name.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import type { EventKind } from "../../base/event_kinds.ts";
import { jobName } from "../../base/job_state.ts";
import { logger } from "../../base/log.ts";
import { Turns } from "../../base/turns.ts";
import type {
  ApprovalChange,
  ApprovalRecord,
  ApprovalState,
} from "../../store/approval_records.ts";
import type { Store } from "../../store/store.ts";
import type { Sight } from "../api/access_api.ts";
import type {
  ApprovableRequest,
  ApprovalView,
  Decider,
} from "../api/approval_api.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { Events } from "../events/events.ts";
import type { SecretDesk } from "../secrets/secret_desk.ts";
import type { PlanWork } from "../plans/plan_work.ts";
import { jobStatement, newApproval } from "./proposal.ts";
import { missingSignatures } from "../signed_request.ts";

const log = logger("manager", "approvals");

/** Time in which a job can be approved, in milliseconds. */
export const APPROVAL_MS = 3_600_000;

/** Most jobs that wait. */
const MAX_WAITING = 1_000;

/** Time after which an expiry that could not be recorded is tried again, in milliseconds. */
const RETRY_MS = 10_000;

/** Parts that approvals which wait need. */
export interface WaitingOptions {
  readonly store: Pick<
    Store,
    "approval" | "approvals" | "addApproval" | "changeApproval"
  >;
  readonly clock: Clock;
  readonly events: Pick<Events, "add">;
  readonly secrets: Pick<SecretDesk, "namesOf" | "keep" | "drop">;
  readonly plans: Pick<PlanWork, "stated" | "begun">;
}

/** Records of the jobs that wait for approvals: made, found, and ended. */
export class WaitingApprovals {
  readonly #options: WaitingOptions;
  /** Decisions and expiries come one after the other. */
  readonly turns = new Turns();
  #changed = Promise.withResolvers<void>();
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(options: WaitingOptions) {
    this.#options = options;
  }

  /** Resolves at the next change of any. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Ends what waits for the time. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Finds one that somebody sees. Throws NOT_FOUND. */
  async find(id: bigint, sight: Sight | undefined): Promise<ApprovalRecord> {
    const record = await this.#options.store.approval(id);
    const isSeen = record !== undefined &&
      (sight === undefined || record.agents.every((name) => sight.has(name)));
    if (isSeen) return record;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot find ${approvalName(id)}: there is no such approval`,
    );
  }

  /** Finds one that waits. Throws NOT_FOUND; FAILED_PRECONDITION if it has ended. */
  async require(
    attempt: string,
    id: bigint,
    decider: Decider,
  ): Promise<ApprovalRecord> {
    const record = await this.find(id, decider.identity?.sight);
    const now = this.#options.clock.now();
    if (record.state === "waiting" && record.expiresAt <= now) {
      await this.expire();
      return await this.require(attempt, id, decider);
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
  async expire(): Promise<void> {
    const { store, clock } = this.#options;
    const now = clock.now();
    const waiting = await store.approvals({
      limit: MAX_WAITING,
      waiting: true,
    });
    for (const record of waiting) {
      if (record.expiresAt > now) continue;
      await this.end("Expire", record, undefined, {
        state: "expired",
        reason: missingSignatures(record.signed) > 0
          ? "signatures were missing after 1 h"
          : "nobody decided within 1 h",
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
      this.turns.run(() => this.expire()).catch((error) => {
        if (this.#isStopped) return;
        log.warning("Cannot end approvals whose time is over: {error}", {
          error: messageOf(error),
        });
        this.#schedule(clock.now() + RETRY_MS);
      });
    });
  }

  /** Ends one without a job. */
  async end(
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
      { ...this.audit(act, record, decider), outcome: reason },
    );
    secrets.drop(approvalName(id));
    this.#tell(`approval_${state}`, ended, endText(state, decider));
    return viewOf(ended);
  }

  /** Keeps the secrets that came with a request, in memory. */
  keepSecrets(id: bigint, request: ApprovableRequest): void {
    this.#options.secrets.keep(approvalName(id), request);
  }

  /** Entry of the audit for a step of one. */
  audit(
    act: string,
    record: ApprovalRecord,
    decider: Decider | undefined,
  ): NewAudit {
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

  /** Tells an approval by an event, and to who watches. */
  tellVote(
    act: "Approve" | "Sign",
    { id, votes, needed, signed }: ApprovalRecord,
    decider: Decider,
  ): void {
    const who = operatorText(decider);
    if (act === "Sign" && signed !== null) {
      const count = `${signed.signatures.length} of ${signed.needed}`;
      this.#tell("approval_signed", { id }, `${who} signs, ${count}`);
    } else {
      const count = `${votes.length} of ${needed}`;
      this.#tell("approval_given", { id }, `${who} approves, ${count}`);
    }
  }

  #tell(
    kind: EventKind,
    { id }: Pick<ApprovalRecord, "id">,
    text: string,
  ): void {
    this.#options.events.add(kind, `${approvalName(id)}: ${text}`);
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }
  /** Records a job that is to wait. Throws BUSY if very many wait. */
  async propose(
    request: ApprovableRequest,
    names: readonly string[],
    needed: number,
  ): Promise<ApprovalView> {
    const { store, clock, secrets, plans } = this.#options;
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
    const statement = jobStatement(request, names, {
      secrets: secrets.namesOf(request),
      plan: await plans.stated(request, names),
    });
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
    const missing = missingSignatures(request.signed);
    this.keepSecrets(record.id, request);
    this.#tell(
      "approval_asked",
      record,
      `${operatorText(request)} asks for ${
        [
          ...needed > 0 ? [approvalsText(needed)] : [],
          ...missing > 0 ? [signaturesText(missing)] : [],
        ].join(" and ")
      } of ${request.operation} on ${agentsText(names)}`,
    );
    this.#schedule(record.expiresAt);
    return viewOf(record);
  }
}

/** An approval as people see it. */
export function viewOf(
  { requestId: _, tokenId: _token, credential: _c, origin: _o, ...view }:
    ApprovalRecord,
): ApprovalView {
  return view;
}

function signaturesText(count: number): string {
  return count === 1 ? "1 signature" : `${count} signatures`;
}

function agentsText({ length }: readonly string[]): string {
  return length === 1 ? "1 agent" : `${length} agents`;
}

/** Tells an end without its reason, which may name agents that not all operators see. */
function endText(state: ApprovalState, decider: Decider | undefined): string {
  if (state === "refused") return "is approved, and could not be started";
  return decider === undefined
    ? `is ${state}`
    : `is ${state} by ${operatorText(decider)}`;
}
