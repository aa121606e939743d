import { PiriError } from "../../base/errors.ts";
import { isOpenJob, jobName } from "../../base/job_state.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { formatTargets } from "../../targets/format_targets.ts";
import { namesIn } from "../../targets/names_in.ts";
import { parseTargets } from "../../targets/parse_targets.ts";
import { excerpt } from "../../targets/target_error.ts";
import {
  type TargetExpression,
  TargetLimits,
} from "../../targets/target_expression.ts";
import type { JobRecord } from "../../store/job_records.ts";
import type { Store } from "../../store/store.ts";
import type { JobAdmin, JobRequest } from "../api/job_api.ts";
import type { ResolvedTargets } from "../api/operator_api.ts";
import type { Targeting } from "../targeting.ts";

type Scope = Parameters<JobAdmin["rerun"]>[1]["scope"];

/** Reasons for which a scope has no agents. */
const NONE_TO_REPEAT: Readonly<Record<Scope, string>> = {
  all: "none of its agents is enrolled",
  failed: "every agent did it",
  lost: "none of its commands was lost",
  unreachable: "every agent could be reached",
};

/** Reasons for which none of the agents that an expression means is in a scope. */
const NONE_OF_THEM: Readonly<Record<Scope, string>> = {
  all: "--on means none of its agents",
  failed: "--on means no agent that failed to do it",
  lost: "--on means no agent whose command was lost",
  unreachable: "--on means no agent that was not reached",
};

/**
 * Request that repeats a job, with the agents that it is for.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the job has not ended; NOT_FOUND if there is nobody to repeat it on
 */
export async function rerunOf(
  job: JobRecord,
  { scope, on, ...asked }: Parameters<JobAdmin["rerun"]>[1],
  { store, targeting }: {
    readonly store: Store;
    readonly targeting: Targeting;
  },
): Promise<
  { readonly request: JobRequest; readonly resolved: ResolvedTargets }
> {
  const { id, state } = job;
  if (isOpenJob(state)) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot run job ${jobName(id)} again: it has not ended, it is ${state}`,
    );
  }
  if (job.signed !== null) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot run job ${
        jobName(id)
      } again: what was signed is good for one time; sign it anew (piri-manager run --sign)`,
    );
  }
  const inJob = new Set(await store.jobAgents(id, "job"));
  const wanted = scope === "all"
    ? inJob
    : new Set(await store.jobAgents(id, scope));
  const cannot = `Cannot run job ${jobName(id)} again`;
  if (wanted.size === 0) {
    throw new PiriError("NOT_FOUND", `${cannot}: ${NONE_TO_REPEAT[scope]}`);
  }
  const whole = setOf(id, scope);
  const resolved = await targeting.resolve({
    expressions: on.length > 0 ? on : [whole ?? `@job(${jobName(id)})`],
  }, asked.rights?.sight);
  if (on.length > 0) refuseStrays(resolved, { on, inJob, cannot });
  const agents = resolved.agents.filter(({ name }) => wanted.has(name));
  if (agents.length === 0) {
    const reasons = on.length > 0 ? NONE_OF_THEM : NONE_TO_REPEAT;
    throw new PiriError("NOT_FOUND", `${cannot}: ${reasons[scope]}`);
  }
  const isAll = agents.length === resolved.agents.length;
  const targets = {
    expressions: on.length > 0 && isAll
      ? on
      : [repeatedText(agents.map(({ name }) => name), { id, on, whole })],
  };
  const { signed: _, ...again } = job;
  const request = {
    ...again,
    timeoutMs: job.timeoutMs ?? undefined,
    killAfterMs: job.killAfterMs ?? undefined,
    ...asked,
    targets,
  };
  return { request, resolved: { ...resolved, agents } };
}

/** Set of targets of a scope; undefined for one that targets have no word for. */
function setOf(id: bigint, scope: Scope): string | undefined {
  if (scope === "unreachable") return undefined;
  return `@${scope === "all" ? "job" : scope}(${jobName(id)})`;
}

/** Expression that means the agents that are repeated, and no others. */
function repeatedText(
  names: readonly string[],
  { id, on, whole }: {
    readonly id: bigint;
    readonly on: readonly string[];
    readonly whole: string | undefined;
  },
): string {
  if (whole === undefined) {
    const text = foldNames(names);
    return text.length > TargetLimits.length ? `@job(${jobName(id)})` : text;
  }
  return on.length === 0
    ? whole
    : formatTargets(both(parseTargets(on), parseTargets([whole])));
}

function both(
  one: TargetExpression,
  other: TargetExpression,
): TargetExpression {
  return {
    text: "",
    node: {
      kind: "term",
      first: one.node,
      rest: [{ operator: "and", node: other.node }],
    },
  };
}

/**
 * Refuses agents that are named and were not part of the job. A glob, a group or a fact only narrows it down.
 *
 * @throws {PiriError} NOT_FOUND
 */
function refuseStrays(
  { agents }: ResolvedTargets,
  { on, inJob, cannot }: {
    readonly on: readonly string[];
    readonly inJob: ReadonlySet<string>;
    readonly cannot: string;
  },
): void {
  const named = namesIn(parseTargets(on));
  const strays = agents.map(({ name }) => name)
    .filter((name) => named.has(name) && !inJob.has(name));
  if (strays.length === 0) return;
  const [it, was] = strays.length === 1 ? ["it", "was"] : ["they", "were"];
  throw new PiriError(
    "NOT_FOUND",
    `${cannot} on ${
      excerpt(foldNames(strays))
    }: ${it} ${was} not part of that job; start a new one with piri-manager run`,
  );
}
