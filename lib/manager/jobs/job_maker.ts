import { operatorText } from "../../base/asker.ts";
import { PiriError } from "../../base/errors.ts";
import { jobName } from "../../base/job_state.ts";
import type { Random } from "../../base/random.ts";
import type { BlobName } from "../../base/blob.ts";
import type { ApprovalStart } from "../../store/approval_records.ts";
import type { JobRecord, MovedEntry, NewJob } from "../../store/job_records.ts";
import type { NewAudit } from "../../store/audit_records.ts";
import { auditEntry, workStatement } from "../audit/audit_entry.ts";
import type { Blobs } from "../blobs/blobs.ts";
import type { JobRequest } from "../api/job_api.ts";
import {
  checkSigned,
  missingSignatures,
  signedRecord,
} from "../signed_request.ts";
import type { ResolvedTargets } from "../api/operator_api.ts";
import type { SecretDesk } from "../secrets/secret_desk.ts";
import type { Targeting } from "../targeting.ts";
import { moveBy } from "./entry_lifecycle.ts";
import type { JobParts } from "./job_parts.ts";
import { startOrder } from "./order.ts";
import { supersededBy } from "./superseded.ts";
import { unsureReason } from "./unsure.ts";

/** Parts that are needed to make a job. */
export interface JobMakerOptions extends
  Pick<
    JobParts,
    | "store"
    | "clock"
    | "commands"
    | "fleet"
    | "events"
    | "isExpected"
    | "isUnsure"
  > {
  readonly random: Random;
  readonly targeting: Targeting;
  /** Large inputs of commands; none if absent. */
  readonly blobs?: Pick<Blobs, "need"> | undefined;
  /** Secrets of commands; none if absent. */
  readonly secrets?: Pick<SecretDesk, "check" | "keep"> | undefined;
  /** Jobs that have not ended and have this key; none for no key. */
  readonly withKey: (key: string) => readonly JobRecord[];
  /** Checks the parameters of an operation that is known here. Throws INVALID_ARGUMENT. */
  readonly checkParams: (operation: string, params: string) => void;
}

/** A request for a job that is in order. */
interface CheckedJob {
  readonly blobs: readonly BlobName[];
  /** Agents in the order of starting. */
  readonly names: readonly string[];
  readonly canaries: number;
  /** Ids of the jobs that it supersedes on its agents. */
  readonly supersedes: readonly bigint[];
}

/** A job that others have approved. */
export interface ApprovedJob {
  /** Names of the agents that it is for. */
  readonly names: readonly string[];
  /** Refuses to start it on other agents. Throws FAILED_PRECONDITION. */
  readonly requireSame: (names: readonly string[]) => void;
  /** Last approval, recorded together with the job. */
  readonly approved: ApprovalStart;
  /** Exactly what was approved. */
  readonly statement: Readonly<Record<string, unknown>>;
  /** Entry in the audit for the last approval. */
  readonly audit: NewAudit;
}

/** A job that is recorded. */
export interface MadeJob {
  readonly job: JobRecord;
  /** Agents of the job in the order of starting. */
  readonly names: readonly string[];
  /** Entries of other jobs that it has superseded. */
  readonly moved: readonly MovedEntry[];
  /** True if its request was asked before. */
  readonly repeated: boolean;
}

const SUPERSEDED = "job % with the same key came";

/** Makes jobs: checks a request, puts its agents in order, and records both. */
export class JobMaker {
  readonly #options: JobMakerOptions;

  constructor(options: JobMakerOptions) {
    this.#options = options;
  }

  /** Checks a request for a job, and puts its agents in order. Throws as `make`. */
  async check(
    request: JobRequest,
    resolved: ResolvedTargets,
  ): Promise<CheckedJob> {
    this.#checkParams(request, resolved);
    const { operation, params } = request;
    this.#options.commands.fitness.checkSurvival(request);
    const blobs = await this.#options.blobs?.need(operation, params) ?? [];
    const { names, canaries } = await this.#order(request, resolved);
    checkSigned(request, names, this.#options.clock.now());
    request.rights?.check(request, names);
    await this.#options.secrets?.check(request, names);
    const supersedes = await supersededBy(request, names, {
      open: this.#options.withKey(request.limits.supersedeKey),
      store: this.#options.store,
    });
    return { blobs, names, canaries, supersedes };
  }

  /** @throws {PiriError} INVALID_ARGUMENT, UNAVAILABLE, DENIED, and as the store throws: then nothing is recorded */
  async make(
    request: JobRequest,
    resolved: ResolvedTargets,
    rerunOf: bigint | null,
    approval?: ApprovedJob,
  ): Promise<MadeJob> {
    const { store, clock } = this.#options;
    const checked = await this.check(request, resolved);
    const { blobs, names, canaries, supersedes } = checked;
    requireSignatures(request);
    if (approval === undefined) request.rights?.checkAlone(request, names);
    else approval.requireSame(names);
    const now = clock.now();
    const isUnsure = supersedes.some((job) =>
      names.some((name) => this.#options.isUnsure(job, name))
    );
    const made = await store.createJob(
      newJob(request, {
        canaries,
        createdAt: now,
        rerunOf,
        approvedBy: approval?.approved.votes.map(({ by }) => by) ?? [],
      }),
      {
        agents: names,
        blobs,
        gone: moveBy("removed", now, "the agent was removed"),
        supersedes,
        supersede: moveBy(
          "superseded",
          now,
          isUnsure ? unsureReason(SUPERSEDED) : SUPERSEDED,
        ),
        approved: approval?.approved,
      },
      startEntry(request, { names, rerunOf, approval, clock }),
      approval?.audit,
    );
    if (!made.repeated) {
      this.#options.secrets?.keep(jobName(made.job.id), request);
      this.#tell(made.job);
    }
    return { ...made, names };
  }

  #tell(job: JobRecord): void {
    const { id, operation, total, rerunOf } = job;
    const agents = total === 1 ? "1 agent" : `${total} agents`;
    const repeats = rerunOf === null
      ? ""
      : `, which repeats ${jobName(rerunOf)}`;
    this.#options.events.add(
      "job_started",
      `job ${jobName(id)} (${operation}) on ${agents} by ${
        operatorText(job)
      }${repeats}`,
    );
  }

  async #order(
    { limits, rights }: JobRequest,
    { agents }: ResolvedTargets,
  ): Promise<ReturnType<typeof startOrder>> {
    const { targeting, random, fleet, isExpected } = this.#options;
    const named = limits.canaryTargets.length === 0
      ? undefined
      : await targeting.resolve(
        { expressions: limits.canaryTargets },
        rights?.sight,
      );
    const candidates = agents.map(({ name, connected }) => ({
      name,
      connected,
      expected: isExpected(name) && fleet.session(name) === undefined,
    }));
    return startOrder(candidates, limits, {
      named: named && new Set(named.agents.map(({ name }) => name)),
      random,
    });
  }

  /** A legacy agent checks its own parameters: wrong ones are an error unless there is no other agent. */
  #checkParams(
    { operation, params }: JobRequest,
    { agents }: ResolvedTargets,
  ): void {
    const { fleet, commands, checkParams } = this.#options;
    const areLegacy = agents.every(({ name }) => {
      const session = fleet.session(name);
      return session !== undefined && session.operations === undefined;
    });
    if (!areLegacy) checkParams(operation, params);
    commands.fitness.requireOperation(
      operation,
      agents.flatMap(({ name }) => fleet.session(name) ?? []),
    );
  }
}

/** @throws {PiriError} FAILED_PRECONDITION for work that waits for signatures */
function requireSignatures({ signed }: JobRequest): void {
  const missing = missingSignatures(signed);
  if (missing === 0) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot start it: it waits for ${missing} more ${
      missing === 1 ? "signature" : "signatures"
    }`,
  );
}

/** Entry of the audit for the start of a job. */
function startEntry(
  request: JobRequest,
  { names, rerunOf, approval, clock }: {
    readonly names: readonly string[];
    readonly rerunOf: bigint | null;
    readonly approval: ApprovedJob | undefined;
    readonly clock: JobMakerOptions["clock"];
  },
): NewAudit {
  const { operation, limits, targets, act } = request;
  const statement = approval?.statement ??
    { ...workStatement(request, names), limits, ...act?.statement };
  const started = act ?? { name: "StartJob", on: targets.expressions };
  return auditEntry(
    {
      act: rerunOf === null ? started.name : "RerunJob",
      on: rerunOf === null ? started.on : [jobName(rerunOf)],
      operation,
      statement,
    },
    request,
    clock,
  );
}

function newJob(
  request: JobRequest,
  made: Pick<NewJob, "canaries" | "createdAt" | "rerunOf" | "approvedBy">,
): NewJob {
  return {
    requestId: request.requestId,
    targets: request.targets,
    operation: request.operation,
    params: request.params,
    timeoutMs: request.timeoutMs ?? null,
    onDisconnect: request.onDisconnect,
    killAfterMs: request.killAfterMs ?? null,
    survive: request.survive ?? false,
    limits: request.limits,
    name: request.name,
    note: request.note,
    signed: signedRecord(request, made.createdAt),
    requestedBy: request.requestedBy,
    saidBy: request.saidBy,
    tokenId: request.rights?.tokenId ?? null,
    ...made,
  };
}
