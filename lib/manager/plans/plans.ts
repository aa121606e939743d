import { codeOf, PiriError } from "../../base/errors.ts";
import type { Clock } from "../../base/clock.ts";
import { jobName } from "../../base/job_state.ts";
import { PLAN_LIFE_MS, planName } from "../../base/plan_name.ts";
import type {
  PlanAgentRecord,
  PlanFilter,
  PlanRecord,
} from "../../store/plan_records.ts";
import type { Store } from "../../store/store.ts";
import { formatName } from "../../targets/format_targets.ts";
import { auditEntry } from "../audit/audit_entry.ts";
import type { Sight } from "../api/access_api.ts";
import type { Blobs } from "../blobs/blobs.ts";
import type { StartedJob } from "../api/job_api.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type {
  ApplyRequest,
  CommandPlace,
  MadePlan,
  PlanAdmin,
  PlanEntry,
  PlanGroup,
  PlanRequest,
  PlanView,
  StateSource,
} from "../api/plan_api.ts";
import type { ProposedJob } from "../api/approval_api.ts";
import type { Approvals } from "../approvals/approvals.ts";
import { withoutSteps } from "./chosen_steps.ts";
import { approvePlan, type PlanDecision } from "./plan_approval.ts";
import { jobRequest, NO_LIMITS, paramsOf, sheetsOf } from "./plan_jobs.ts";
import { type PlanWork, requireOpen } from "./plan_work.ts";
import { appliesOf, collectFindings } from "./collect.ts";
import { commandPlaces } from "./command_places.ts";
import { groupsOf } from "./plan_groups.ts";
import { isLeft, planView } from "./plan_view.ts";
import { compileAgents, keepSheets } from "./planning.ts";
import {
  entriesWithPlaces,
  groupsWithPlaces,
  KeptPlaces,
} from "./step_places.ts";

/** Most bytes of the changes of one agent. */
const MAX_CHANGES_BYTES = 16 * 1_048_576;

/** Parts that plans need. */
export interface PlansOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly jobs: Pick<Jobs, "start" | "prepare" | "earlier">;
  readonly approvals: Pick<
    Approvals,
    "start" | "waitingFor" | "approve" | "requireDecider"
  >;
  readonly work: Pick<PlanWork, "begun" | "secretsOf">;
  /** Contents by their hashes; without them, nothing can be planned. */
  readonly blobs?: Pick<Blobs, "add" | "read"> | undefined;
  /** States of this Manager; without them, nothing can be planned. */
  readonly states?: StateSource | undefined;
}

/** Plans: a state is compiled for agents, a job finds out what it would change, and another one does just that. */
export class Plans implements PlanAdmin {
  readonly #options: PlansOptions;

  constructor(options: PlansOptions) {
    this.#options = options;
  }

  async make(request: PlanRequest): Promise<MadePlan> {
    const { store, jobs, clock } = this.#options;
    const { states, blobs } = this.#parts();
    const { requestId, stateName, targets, note, rights, drift = "" } = request;
    const { only = [], strict = false } = request;
    const [earlier] = await store.plans({ limit: 1, requestId });
    if (earlier !== undefined) {
      // The Manager may have stopped before the job began.
      if (earlier.jobId === null) await this.#begin(earlier.id, request);
      const plan = await this.get(earlier.id, rights?.sight);
      return { plan, notes: undefined, without: [], withoutSteps: [] };
    }
    // Rights come first: errors of states show what is in them.
    const asked = jobRequest("state.Plan", paramsOf({ id: 1n }), request);
    const { names } = await jobs.prepare({ ...asked, targets });
    rights?.checkAlone(asked, names);
    const wanted = new Set(names);
    const records = (await store.agents()).filter(({ id }) => wanted.has(id));
    const compiled = await compileAgents(stateName, records, {
      states,
      only,
    });
    const { agents, without, withoutSteps, problems } = compiled;
    if (problems.length > 0) return { problems };
    await keepSheets(compiled, { blobs, states });
    const { requestedBy, saidBy = "" } = request;
    const { record, repeated } = await store.addPlan(
      {
        requestId,
        stateName,
        targets,
        note,
        requestedBy,
        saidBy,
        createdAt: clock.now(),
        drift,
        only,
        strict,
      },
      agents,
      compiled.blobs,
    );
    if (repeated) {
      const plan = await this.get(record.id, rights?.sight);
      return { plan, notes: undefined, without, withoutSteps };
    }
    const started = await this.#begin(record.id, request);
    const plan = await this.get(record.id, rights?.sight);
    return { plan, notes: started.notes, without, withoutSteps };
  }

  async get(id: bigint, sight?: Sight): Promise<PlanView> {
    return await this.#view(await this.#find(id, sight));
  }

  async list(filter: PlanFilter, sight?: Sight): Promise<PlanView[]> {
    const { store } = this.#options;
    const plans = await store.plans(
      sight === undefined ? filter : { ...filter, onlyAgents: sight.names() },
    );
    const views: PlanView[] = [];
    for (const plan of plans) {
      views.push(await this.#view(plan, { withGroups: false }));
    }
    return views;
  }

  async placesOf(
    ...[wanted, sight]: Parameters<PlanAdmin["placesOf"]>
  ): ReturnType<PlanAdmin["placesOf"]> {
    const { store, blobs } = this.#options;
    const found = new Map<bigint, readonly CommandPlace[]>();
    const places = blobs && new KeptPlaces(blobs);
    for (const [id, steps] of wanted) {
      const command = await store.command(id);
      if (command === undefined || sight?.has(command.agent) === false) {
        throw new PiriError(
          "NOT_FOUND",
          `Cannot find command ${id}: there is none of that id`,
        );
      }
      if (places === undefined) continue;
      found.set(id, await commandPlaces(command, steps, { store, places }));
    }
    return found;
  }

  async apply(
    id: bigint,
    request: ApplyRequest,
  ): Promise<StartedJob | ProposedJob> {
    const { clock, jobs, approvals, work } = this.#options;
    const { rights, requestId, agents, acceptsApproval = false } = request;
    const earlier = await jobs.earlier(requestId);
    if (earlier !== undefined) return earlier;
    const plan = await this.get(id, rights?.sight);
    const only = request.only ?? plan.only;
    const strict = (request.strict ?? false) || plan.strict;
    const left = await this.#withSteps(
      this.#requireLeft(plan).filter(({ agent }) =>
        agents?.includes(agent) ?? true
      ),
      only,
    );
    const names = left.map(({ agent }) => agent);
    const leftMs = plan.createdAt + PLAN_LIFE_MS - clock.now();
    const { queueMs, deadlineMs, ...limits } = request.limits;
    const bounded = {
      ...limits,
      deadlineMs: Math.min(deadlineMs ?? leftMs, leftMs),
      ...queueMs === undefined ? {} : { queueMs: Math.min(queueMs, leftMs) },
    };
    const job = {
      ...jobRequest(
        "state.Apply",
        paramsOf({ id, only, strict }),
        request,
        bounded,
      ),
      targets: { expressions: names.map(formatName) },
      act: {
        name: "ApplyPlan",
        on: [planName(id)],
        statement: { sheets: sheetsOf(left) },
      },
    };
    const started = await approvals.start({ ...job, propose: false }, {
      votes: plan.votes.filter(({ sha256 }) => sha256 === plan.sha256),
      accepts: acceptsApproval,
    });
    if ("job" in started) await work.begun(job, started.job.id, names);
    return started;
  }

  async approve(
    id: bigint,
    decision: PlanDecision,
  ): ReturnType<PlanAdmin["approve"]> {
    const sight = decision.identity?.sight;
    const options = this.#options;
    const approved = await approvePlan(
      await this.get(id, sight),
      paramsOf({ id }),
      { decision, options },
    );
    return { plan: await this.get(id, sight), approvals: approved };
  }

  async withdraw(
    id: bigint,
    { rights, ...asker }: Parameters<PlanAdmin["withdraw"]>[1],
  ): Promise<PlanView> {
    const { store, clock } = this.#options;
    const plan = await this.get(id, rights?.sight);
    rights?.check(
      { operation: "state.Plan", params: paramsOf({ id }) },
      plan.entries.map(({ agent }) => agent),
    );
    const by = asker.requestedBy;
    await store.changePlan(
      id,
      { kind: "withdraw", at: clock.now(), by },
      auditEntry({ act: "WithdrawPlan", on: [planName(id)] }, asker, clock),
    );
    return await this.get(id);
  }

  /** Starts the job that looks at the hosts. Without it, there is no plan. */
  async #begin(id: bigint, request: PlanRequest): Promise<StartedJob> {
    const { store, jobs } = this.#options;
    const agents = await store.planAgents(id);
    const { only, strict, deadlineMs } = request;
    try {
      const started = await jobs.start({
        ...jobRequest("state.Plan", paramsOf({ id, only, strict }), request, {
          ...NO_LIMITS,
          ...deadlineMs === undefined ? {} : { deadlineMs },
        }),
        targets: { expressions: agents.map(({ agent }) => formatName(agent)) },
        act: {
          name: "MakePlan",
          on: request.targets.expressions,
          statement: { state: request.stateName, sheets: sheetsOf(agents) },
        },
      });
      const { id: job } = started.job;
      await store.changePlan(id, { kind: "job", job });
      return started;
    } catch (error) {
      await store.changePlan(id, { kind: "drop" });
      throw error;
    }
  }

  /** Agents that a plan can be applied on now. */
  #requireLeft(plan: PlanView): PlanEntry[] {
    const refuse = (code: "FAILED_PRECONDITION" | "REFUSED", fact: string) =>
      new PiriError(code, `Cannot apply plan ${planName(plan.id)}: ${fact}`);
    requireOpen("apply", plan, this.#options.clock.now());
    const open = plan.entries.filter(({ state }) => state === "planning");
    if (open.length > 0) {
      const job = plan.jobId === null ? "" : `job ${jobName(plan.jobId)} `;
      throw refuse(
        "FAILED_PRECONDITION",
        `${job}still looks at ${counted(open.length)}`,
      );
    }
    const left = plan.entries.filter(isLeft);
    if (left.length > 0) return left;
    if (plan.entries.every(({ state }) => state === "same")) {
      throw refuse("FAILED_PRECONDITION", "nothing would change");
    }
    throw refuse(
      "REFUSED",
      "no agent is left that it could be applied on; piri-manager plan makes a new one",
    );
  }

  async #find(id: bigint, sight?: Sight): Promise<PlanRecord> {
    const { store } = this.#options;
    const plan = await store.plan(id);
    const isSeen = sight === undefined ||
      (await store.planAgents(id)).every(({ agent }) => sight.has(agent));
    if (plan !== undefined && isSeen) return plan;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot find plan ${planName(id)}: there is no such plan`,
    );
  }

  async #view(
    plan: PlanRecord,
    { withGroups = true }: { readonly withGroups?: boolean } = {},
  ): Promise<PlanView> {
    const { store, clock } = this.#options;
    const { blobs } = this.#parts();
    let agents = await store.planAgents(plan.id);
    if (await collectFindings(plan, agents, { store, blobs })) {
      agents = await store.planAgents(plan.id);
    }
    const view = planView(plan, {
      agents,
      applied: await appliesOf(agents, {
        store,
        blobs,
        withData: withGroups,
      }),
      groups: withGroups ? await this.#groups(agents) : [],
      secrets: withGroups ? await this.#options.work.secretsOf(agents) : [],
      now: clock.now(),
    });
    const places = new KeptPlaces(blobs);
    return {
      ...view,
      groups: await groupsWithPlaces(view.groups, agents, places),
      entries: await entriesWithPlaces(view.entries, agents, places),
    };
  }

  /** Agents whose compiled states have one of the steps that are asked for. */
  async #withSteps(
    entries: readonly PlanEntry[],
    only: readonly string[],
  ): Promise<readonly PlanEntry[]> {
    if (only.length === 0) return entries;
    const { blobs } = this.#parts();
    const sheets = new Map<string, string>();
    const range = { offset: 0, length: MAX_CHANGES_BYTES };
    for (const { sheet } of entries) {
      if (sheets.has(sheet)) continue;
      const bytes = await blobs.read(sheet, range);
      sheets.set(sheet, new TextDecoder().decode(bytes));
    }
    const lacking = withoutSteps(sheets, only);
    return entries.filter(({ sheet }) => !lacking.has(sheet));
  }

  async #groups(agents: readonly PlanAgentRecord[]): Promise<PlanGroup[]> {
    const { blobs } = this.#parts();
    const texts = new Map<string, string>();
    for (const { changes } of agents) {
      if (changes === "" || texts.has(changes)) continue;
      const range = { offset: 0, length: MAX_CHANGES_BYTES };
      const bytes = await blobs.read(changes, range).catch((error) => {
        // The oldest go where there is no room: the rest is still shown.
        if (codeOf(error) === "NOT_FOUND") return undefined;
        throw error;
      });
      if (bytes !== undefined) {
        texts.set(changes, new TextDecoder().decode(bytes));
      }
    }
    return groupsOf(agents, (hash) => texts.get(hash));
  }

  #parts(): Required<Pick<PlansOptions, "blobs" | "states">> & {
    readonly blobs: Pick<Blobs, "add" | "read">;
    readonly states: StateSource;
  } {
    const { blobs, states } = this.#options;
    if (blobs !== undefined && states !== undefined) return { blobs, states };
    throw new PiriError(
      "UNSUPPORTED",
      "Cannot plan: this Manager has no folder with states",
    );
  }
}

function counted(agents: number): string {
  return agents === 1 ? "1 agent" : `${agents} agents`;
}
