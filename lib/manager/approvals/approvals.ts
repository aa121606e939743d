import { operatorText } from "../../base/asker.ts";
import { approvalName } from "../../base/approval_name.ts";
import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import { jobName } from "../../base/job_state.ts";
import { planIn } from "../../base/plan_name.ts";
import { logger } from "../../base/log.ts";
import { canonicalHash, canonicalJson } from "../../base/statement.ts";
import type {
  ApprovalRecord,
  ApprovalVote,
} from "../../store/approval_records.ts";
import type { Rights, Sight } from "../api/access_api.ts";
import type { Role } from "../../base/role.ts";
import type {
  ApprovableRequest,
  ApprovalAdmin,
  ApprovalView,
  Decider,
  ProposedJob,
} from "../api/approval_api.ts";
import type { StartedJob } from "../api/job_api.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { SecretDesk } from "../secrets/secret_desk.ts";
import {
  askingParty,
  type Decided,
  isSameParty,
  partyOf,
  requireOther,
  requireRight,
} from "./deciders.ts";
import { viewOf, WaitingApprovals, type WaitingOptions } from "./waiting.ts";
import { hashText, jobStatement, requestOf } from "./proposal.ts";
import { missingSignatures } from "../signed_request.ts";
import { withSignature } from "./signing.ts";

const log = logger("manager", "approvals");

/** Codes of errors that say nothing about a job, but about the moment. */
const PASSING = new Set(["UNAVAILABLE", "BUSY", "DISK", "INTERNAL", "CORRUPT"]);

/** Most approvals that are looked at. */
const MAX_WAITING = 1_000;

/** Parts that approvals need. */
export interface ApprovalsOptions extends WaitingOptions {
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
  readonly #waiting: WaitingApprovals;

  constructor(options: ApprovalsOptions) {
    this.#options = options;
    this.#waiting = new WaitingApprovals(options);
  }

  /** Takes up those that wait. Called once. */
  async load(): Promise<void> {
    await this.#waiting.turns.run(() => this.#waiting.expire());
  }

  /** Ends what waits for the time. */
  stop(): void {
    this.#waiting.stop();
  }

  /** @param given Approvals that it has already, and whether it may wait for more. */
  async start(
    request: ApprovableRequest,
    { votes: given = [], accepts = true }: {
      readonly votes?: readonly ApprovalVote[];
      readonly accepts?: boolean;
    } = {},
  ): Promise<StartedJob | ProposedJob> {
    const { jobs, store } = this.#options;
    const { requestId } = request;
    if (await jobs.earlier(requestId) !== undefined) {
      return await jobs.start(request);
    }
    const [before] = await store.approvals({ limit: 1, requestId });
    if (before !== undefined) {
      if (before.state === "waiting") {
        this.#waiting.keepSecrets(before.id, request);
      }
      return { approval: viewOf(before), notes: undefined };
    }
    const { names, notes, approvals } = await jobs.prepare(request);
    const needed = Math.max(approvals, request.propose ? 1 : 0);
    if (needed === 0 && missingSignatures(request.signed) === 0) {
      return await jobs.start(request);
    }
    const asked = {
      id: 0n,
      request,
      agents: names,
      requestedBy: request.requestedBy,
      tokenId: request.rights?.tokenId ?? null,
    };
    const votes = given.filter((vote) =>
      !isSameParty(askingParty(asked), voter(vote)) && this.#counts(asked, vote)
    );
    // It says why it needs to wait.
    if (!accepts && votes.length < needed) return await jobs.start(request);
    const approval = await this.#waiting.turns.run(async () => {
      const proposed = await this.#waiting.propose(request, names, needed);
      const last = votes.at(-1);
      if (last === undefined) return proposed;
      const decider = { requestedBy: last.by, saidBy: "", credential: "plan" };
      return await this.#count({
        record: await this.#waiting.find(proposed.id, undefined),
        votes,
      }, { act: "Approve", decider: { ...decider, identity: undefined } });
    });
    const started = await jobs.earlier(requestId);
    return started === undefined ? { approval, notes } : { ...started, notes };
  }

  /** Approvals that wait to apply a plan. */
  async waitingFor(plan: string): Promise<readonly ApprovalRecord[]> {
    const all = await this.#options.store.approvals({
      limit: MAX_WAITING,
      waiting: true,
    });
    return all.filter(({ request: { operation, params } }) =>
      operation === "state.Apply" && planIn(operation, params) === plan
    );
  }

  /**
   * Refuses a decision by somebody who may not do the work either. Returns the number of its token; null for a user of the
   * Manager's machine.
   *
   * @throws {PiriError} DENIED
   */
  requireDecider(
    attempt: string,
    work: Decided,
    { identity }: Decider,
  ): number | null {
    requireRight(work, identity, attempt);
    return identity?.tokenId ?? null;
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
    return viewOf(await this.#waiting.find(id, sight));
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
      const changed = this.#waiting.changed;
      const view = await this.get(id, sight);
      const version = view.votes.length + (view.signed?.signatures.length ?? 0);
      if (version !== told || view.state !== "waiting") yield view;
      if (view.state !== "waiting") return;
      told = version;
      await Promise.race([changed, aborted]);
    }
  }

  approve(
    ...[id, decider]: Parameters<ApprovalAdmin["approve"]>
  ): Promise<ApprovalView> {
    return this.#waiting.turns.run(() => this.#approve(id, decider));
  }

  sign(
    ...[id, signer]: Parameters<ApprovalAdmin["sign"]>
  ): Promise<ApprovalView> {
    return this.#waiting.turns.run(() => this.#sign(id, signer));
  }

  reject(
    ...[id, decider]: Parameters<ApprovalAdmin["reject"]>
  ): Promise<ApprovalView> {
    return this.#waiting.turns.run(async () => {
      const record = await this.#waiting.require("reject", id, decider);
      requireOther(record, decider, "reject");
      requireRight(record, decider.identity, `decide on ${approvalName(id)}`);
      const by = operatorText(decider);
      return await this.#waiting.end("Reject", record, decider, {
        state: "rejected",
        reason: `rejected by ${by}: ${decider.reason}`,
      });
    });
  }

  withdraw(id: bigint, decider: Decider): Promise<ApprovalView> {
    return this.#waiting.turns.run(async () => {
      const record = await this.#waiting.require("withdraw", id, decider);
      if (!isSameParty(askingParty(record), partyOf(decider))) {
        throw new PiriError(
          "DENIED",
          `Cannot withdraw ${
            approvalName(id)
          }: "${record.requestedBy}" asked for it (piri-manager reject ${
            approvalName(id)
          } REASON)`,
        );
      }
      return await this.#waiting.end("Withdraw", record, decider, {
        state: "withdrawn",
        reason: `withdrawn by ${operatorText(decider)}`,
      });
    });
  }

  async #approve(
    id: bigint,
    decider: Parameters<ApprovalAdmin["approve"]>[1],
  ): Promise<ApprovalView> {
    const record = await this.#waiting.require("approve", id, decider);
    const name = approvalName(id);
    requireOther(record, decider, "approve");
    requireRight(record, decider.identity, `decide on ${approvalName(id)}`);
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
    return await this.#count({ record, votes: [...votes, vote] }, {
      act: "Approve",
      decider,
    });
  }

  async #sign(
    id: bigint,
    signer: Parameters<ApprovalAdmin["sign"]>[1],
  ): Promise<ApprovalView> {
    const record = await this.#waiting.require("sign", id, signer);
    requireRight(record, signer.identity, `decide on ${approvalName(id)}`);
    const at = this.#options.clock.now();
    const signed = withSignature(record, signer, at);
    const votes = record.votes.filter((vote) => this.#counts(record, vote));
    const party = partyOf(signer);
    const isFirst = !isSameParty(askingParty(record), party) &&
      !votes.some((vote) => isSameParty(voter(vote), party));
    const vote = { by: signer.requestedBy, tokenId: party.tokenId, note: "" };
    return await this.#count({
      record: { ...record, signed },
      votes: isFirst ? [...votes, { ...vote, at }] : votes,
    }, { act: "Sign", decider: signer });
  }

  /** Takes the votes of a job, and starts it if they are enough. Rights are those of this moment. */
  async #count(
    { record, votes }: {
      readonly record: ApprovalRecord;
      readonly votes: readonly ApprovalVote[];
    },
    { act, decider }: {
      readonly act: "Approve" | "Sign";
      readonly decider: Decider;
    },
  ): Promise<ApprovalView> {
    const { jobs, secrets, clock, store, plans } = this.#options;
    const { id, signed } = record;
    try {
      const rights = this.#rightsOfAsker(record);
      const { request, agents } = record;
      const needed = Math.max(
        record.needed,
        rights?.approvals(request, agents) ?? 0,
      );
      if (votes.length < needed || missingSignatures(signed) > 0) {
        const change = {
          kind: "vote",
          votes,
          needed,
          ...signed === null ? {} : { signed },
        } as const;
        const audit = this.#waiting.audit(act, record, decider);
        const changed = await store.changeApproval(id, change, audit);
        this.#waiting.tellVote(act, changed, decider);
        return viewOf(changed);
      }
      const given = secrets.givenFor(approvalName(id));
      const plan = await plans.stated(request, agents);
      const started = await jobs.startApproved(
        requestOf(record, {
          ...rights === undefined ? {} : { rights },
          ...given === undefined ? {} : { secrets: given },
        }),
        {
          names: agents,
          requireSame: (names) => {
            const named = { secrets: secrets.namesOf(request), plan };
            requireSame(record, jobStatement(request, names, named));
          },
          approved: { id, votes, needed, signed, at: clock.now() },
          statement: JSON.parse(record.statement),
          audit: this.#waiting.audit(act, record, decider),
        },
      );
      await plans.begun(request, started.job.id, agents);
      secrets.drop(approvalName(id));
      this.#waiting.tellVote(act, { ...record, votes, needed }, decider);
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
      return await this.#waiting.end(act, record, decider, {
        state: "refused",
        reason: `approved, but not started: ${messageOf(error)}`,
      });
    }
  }

  /** True for an approval by somebody who may still give it. */
  #counts(record: Decided, vote: ApprovalVote): boolean {
    if (vote.tokenId === null) return true;
    try {
      const { tokenId } = vote;
      const rights = this.#options.rightsOf({ name: vote.by, tokenId });
      requireRight(record, rights, "approve it");
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
}

function voter({ by, tokenId }: ApprovalVote) {
  return { name: by, tokenId };
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
    "Cannot start it: it is no longer what was approved",
  );
}
