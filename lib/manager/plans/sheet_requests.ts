import * as v from "valibot";
import { PiriError } from "../../base/errors.ts";
import type { Clock } from "../../base/clock.ts";
import { PLAN_NAME_PATTERN, planIn } from "../../base/plan_name.ts";
import type { PlanAgentRecord, PlanRecord } from "../../store/plan_records.ts";
import type { CommandRecord, NewCommand } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { DataService } from "../data/data_service.ts";
import type { SheetSecrets } from "../secrets/sheet_secrets.ts";
import { isStale } from "./plan_work.ts";

const Params = v.object({
  plan: v.pipe(v.string(), v.regex(PLAN_NAME_PATTERN)),
  command: v.pipe(v.string(), v.regex(/^[1-9][0-9]{0,18}$/)),
});

/** Means of the requests for compiled states. */
export interface SheetRequestsOptions {
  readonly store: Pick<
    Store,
    "plan" | "planAgents" | "planBlobs" | "changePlan" | "agent"
  >;
  readonly clock: Clock;
  /** Secrets of compiled states; none if absent. */
  readonly secrets?: Pick<SheetSecrets, "obstacle"> | undefined;
  /** Open commands of an agent. */
  readonly commandsOf: (
    agent: string,
  ) => readonly { readonly record: CommandRecord }[];
}

/**
 * Adds requests for compiled states to a data service. An agent gets its own part of a plan that one of its commands
 * names, from the moment when that was sent until it has ended. With the first answer to a command of state.Apply, the
 * plan is used up on this agent.
 */
export function withSheets(
  service: DataService,
  options: SheetRequestsOptions,
): DataService {
  return {
    answer: async (owner, type, params, limits = {}) => {
      if (type !== "state_sheet") {
        return await service.answer(owner, type, params, limits);
      }
      const { plan, command } = sheetParams(params);
      const record = options.commandsOf(owner.id)
        .map(({ record }) => record)
        .find(({ id }) => id === BigInt(command));
      const isNamed = record !== undefined && record.state !== "queued" &&
        planIn(record.operation, record.params) === plan;
      if (!isNamed) {
        throw new PiriError(
          "DENIED",
          `Cannot answer the request: no open command ${command} of agent "${owner.id}" names the plan "${plan}"`,
        );
      }
      const part = await partOf(plan, owner.id, options);
      const applies = record.operation === "state.Apply";
      if (applies) await begin(part, record, options);
      const { sheet, expect, usedFacts: facts } = part.agent;
      return JSON.stringify({ sheet, facts, ...applies ? { expect } : {} });
    },
  };
}

/** Hashes that a command leads to by the plan that it names; none if it names none. */
export async function blobsOfPlan(
  { agent, operation, params }: Pick<
    NewCommand,
    "agent" | "operation" | "params"
  >,
  store: Pick<Store, "planAgents" | "planBlobs">,
): Promise<readonly string[]> {
  const plan = planIn(operation, params);
  if (plan === undefined) return [];
  const id = idOf(plan);
  const [found] = await store.planAgents(id, agent);
  if (found === undefined) return [];
  const { sheet, expect } = found;
  return [sheet, expect, ...await store.planBlobs(id, [sheet])];
}

interface Part {
  readonly plan: PlanRecord;
  readonly agent: PlanAgentRecord;
}

async function partOf(
  name: string,
  agentName: string,
  { store }: SheetRequestsOptions,
): Promise<Part> {
  const id = idOf(name);
  const plan = await store.plan(id);
  const [agent] = await store.planAgents(id, agentName);
  if (plan === undefined || agent === undefined) {
    throw new PiriError(
      "NOT_FOUND",
      `Cannot find plan ${name}: there is none of this name with this agent`,
    );
  }
  if (plan.withdrawnAt === null) return { plan, agent };
  throw refused(plan, `it was withdrawn by ${plan.withdrawnBy}`);
}

/** @throws {PiriError} FAILED_PRECONDITION if the plan must not be applied on the agent */
async function begin(
  { plan, agent }: Part,
  { id: command }: CommandRecord,
  { store, clock, secrets }: SheetRequestsOptions,
): Promise<void> {
  if (agent.state !== "planned") {
    throw refused(plan, "it has no findings of this agent");
  }
  if (agent.applyCommand === command) return;
  if (agent.applyCommand !== null) throw used(plan, agent.applyCommand);
  if (isStale(plan, clock.now())) throw refused(plan, "it is over 24 h old");
  const now = await store.agent(agent.agent);
  if (now === undefined || now.instance !== agent.instance) {
    throw refused(plan, "the agent was set up anew since");
  }
  if (now.version !== agent.version) {
    throw refused(
      plan,
      `the agent was version ${agent.version} then, and is ${now.version}`,
    );
  }
  const obstacle = await secrets?.obstacle(agent.agent, agent.sheet);
  if (obstacle !== undefined) throw refused(plan, obstacle);
  await store.changePlan(plan.id, {
    kind: "begin",
    agent: agent.agent,
    command,
  });
  // Two commands may have asked at the same time.
  const [again] = await store.planAgents(plan.id, agent.agent);
  const first = again?.applyCommand ?? null;
  if (first !== null && first !== command) throw used(plan, first);
}

function used(plan: PlanRecord, command: bigint): PiriError {
  return refused(plan, `command ${command} has begun it on this agent already`);
}

function refused({ id }: PlanRecord, fact: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot apply plan p-${id}: ${fact}; plan again`,
  );
}

function idOf(plan: string): bigint {
  return BigInt(plan.slice("p-".length));
}

function sheetParams(text: string): v.InferOutput<typeof Params> {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), Params), text);
  if (result.success) return result.output;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot answer the request: "${
      v.getDotPath(result.issues[0]) ?? "data"
    }" is missing or wrong`,
  );
}
