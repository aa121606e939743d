import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { PLAN_LIFE_MS, planIn, planName } from "../../base/plan_name.ts";
import type { PlanAgentRecord, PlanRecord } from "../../store/plan_records.ts";
import type { Store } from "../../store/store.ts";
import type { SheetSecrets } from "../secrets/sheet_secrets.ts";
import { digestOf } from "./plan_digest.ts";

/** Parts of work that may apply a plan. */
interface Work {
  readonly operation: string;
  readonly params: string;
}

/** Plan that is applied by work which waits for approvals. */
export interface StatedPlan {
  readonly name: string;
  /** SHA-256 of it, in hex digits. */
  readonly sha256: string;
  /** Names of the secrets of the agents, sorted. */
  readonly secrets: readonly string[];
}

/** Means of work on plans. */
export interface PlanWorkOptions {
  readonly store: Pick<Store, "plan" | "planAgents" | "changePlan">;
  readonly clock: Clock;
  /** Secrets of compiled states; none if absent. */
  readonly sheets?: Pick<SheetSecrets, "in"> | undefined;
}

/** Ties work that applies plans to exactly these plans. */
export class PlanWork {
  readonly #options: PlanWorkOptions;

  constructor(options: PlanWorkOptions) {
    this.#options = options;
  }

  /**
   * Plan that work applies on agents; undefined for other work.
   *
   * @throws {PiriError} REFUSED for one that cannot be applied any more; NOT_FOUND
   */
  async stated(
    { operation, params }: Work,
    names: readonly string[],
  ): Promise<StatedPlan | undefined> {
    const id = appliedIn(operation, params);
    if (id === undefined) return undefined;
    const { store, clock } = this.#options;
    const plan = await store.plan(id);
    if (plan === undefined) {
      throw new PiriError(
        "NOT_FOUND",
        `Cannot apply plan ${planName(id)}: there is no such plan`,
      );
    }
    requireOpen("apply", plan, clock.now());
    const agents = await store.planAgents(id);
    const wanted = new Set(names);
    return {
      name: planName(id),
      sha256: digestOf(plan, agents),
      secrets: await this.secretsOf(
        agents.filter(({ agent }) => wanted.has(agent)),
      ),
    };
  }

  /** Names of the secrets that compiled states name, sorted. What is no longer kept has none. */
  async secretsOf(
    agents: readonly Pick<PlanAgentRecord, "sheet">[],
  ): Promise<string[]> {
    const names = new Set<string>();
    for (const sheet of new Set(agents.map(({ sheet }) => sheet))) {
      const named = await this.#options.sheets?.in(sheet)
        .catch((error: unknown) => {
          const isGone = error instanceof PiriError &&
            error.code === "NOT_FOUND";
          if (isGone) return undefined;
          throw error;
        });
      for (const name of named?.keys() ?? []) names.add(name);
    }
    return [...names].toSorted();
  }

  /** Notes the job by which a plan is applied. */
  async begun(
    { operation, params }: Work,
    job: bigint,
    agents: readonly string[],
  ): Promise<void> {
    const id = appliedIn(operation, params);
    if (id === undefined) return;
    await this.#options.store.changePlan(id, { kind: "apply", job, agents });
  }
}

/** True if a plan is too old to be applied. */
export function isStale(
  { createdAt }: Pick<PlanRecord, "createdAt">,
  now: number,
): boolean {
  return now >= createdAt + PLAN_LIFE_MS;
}

/**
 * Refuses what is meant for a plan that can still be applied.
 *
 * @throws {PiriError} REFUSED
 */
export function requireOpen(
  attempt: string,
  plan: Pick<PlanRecord, "id" | "createdAt" | "withdrawnAt" | "withdrawnBy">,
  now: number,
): void {
  const fact = plan.withdrawnAt !== null
    ? `it was withdrawn by ${plan.withdrawnBy}`
    : isStale(plan, now)
    ? "it is over 24 h old"
    : undefined;
  if (fact === undefined) return;
  throw new PiriError(
    "REFUSED",
    `Cannot ${attempt} plan ${
      planName(plan.id)
    }: ${fact}; piri-manager plan makes a new one`,
  );
}

function appliedIn(operation: string, params: string): bigint | undefined {
  if (operation !== "state.Apply") return undefined;
  const plan = planIn(operation, params);
  return plan === undefined ? undefined : BigInt(plan.slice("p-".length));
}
