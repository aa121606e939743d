import { PiriError } from "../../base/errors.ts";
import type { ExpectedSteps } from "./expected.ts";
import type { Planned } from "./plan_steps.ts";
import { type Finding, findingText, type RunRecord } from "./records.ts";

/** Compares findings of now with those of a plan. Returns what moved. */
export function moved(
  found: readonly Planned[],
  expected: ExpectedSteps,
): Extract<RunRecord, { kind: "moved" }>[] {
  return found.flatMap((now) => {
    const { step, index, isChosen } = now.prepared;
    // A step that is not to be run may have been planned in any way.
    if (!isChosen) return [];
    const planned = expected.get(step.name) ??
      { name: step.name, verdict: "skipped" };
    if (isSame(planned, now)) return [];
    return [{
      kind: "moved",
      step: index,
      name: step.name,
      planned: findingOf(planned),
      found: findingOf(now),
    }];
  });
}

function isSame(planned: Finding, now: Planned): boolean {
  // Lists of packages age, and what is waited for comes: that is no reason to refuse.
  if (now.isNeutral) return planned.verdict === now.verdict;
  return planned.verdict === now.verdict &&
    planned.fingerprint === now.fingerprint;
}

function findingOf({ verdict, fingerprint, changes }: Finding): Finding {
  return {
    verdict,
    ...fingerprint === undefined ? {} : { fingerprint },
    ...changes === undefined || changes.length === 0
      ? {}
      : { changes: changes.map(({ text: _, ...change }) => change) },
  };
}

/** Error of a gate that found something moved. */
export function gateError(
  all: readonly Extract<RunRecord, { kind: "moved" }>[],
  looked: readonly Planned[],
): PiriError {
  const [first] = all;
  const name = first?.name ?? "";
  const planned = first === undefined ? "" : findingText(first.planned);
  const found = first === undefined ? "" : findingText(first.found);
  const error = looked.find(({ prepared }) => prepared.index === first?.step)
    ?.error;
  const why = error === undefined ? "" : `: ${error.message}`;
  const same = planned === found ? ", but on other ground" : "";
  const more = all.length > 1 ? `; so are ${all.length - 1} more steps` : "";
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot apply the plan: step "${name}" was planned as ${planned} and is now ${found}${why}${same}${more}; plan again`,
  );
}
