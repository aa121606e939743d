import type { HostReader } from "../host/host.ts";
import type { SheetCondition } from "../sheet.ts";

/** Truth of a condition; "unknown" if it depends on what has not happened. */
export type Truth = boolean | "unknown";

/** Means of deciding a condition. */
export interface ConditionHost {
  readonly reader: HostReader;
  /** True if one of these steps changed, or is owed. */
  changed(steps: readonly number[]): Truth;
  /** True if steps that change something are ahead: what programs say then is not known. */
  readonly isAhead: boolean;
  /** Earlier step that may bring what is missing. */
  readonly opaque: string | undefined;
}

/**
 * Decides a condition of a step.
 *
 * @throws {PiriError} CANCELLED; FAILED_PRECONDITION if its program ends without an exit code
 */
export async function decide(
  condition: SheetCondition,
  host: ConditionHost,
): Promise<Truth> {
  switch (condition.kind) {
    case "all":
      return await allOf(condition.of, host);
    case "any":
      return not(
        await allOf(
          condition.of.map((of) => ({ kind: "not", of }) as const),
          host,
        ),
      );
    case "not":
      return not(await decide(condition.of, host));
    case "changed":
      return host.changed(condition.steps);
    case "path":
      return pathTruth(condition, host);
    case "cmd": {
      if (host.isAhead) return "unknown";
      const { code } = await host.reader.look({ shell: condition.line });
      return condition.codes.includes(code);
    }
  }
}

/** True if all are; they are decided in their order, and none after the first that is false. */
async function allOf(
  conditions: readonly SheetCondition[],
  host: ConditionHost,
): Promise<Truth> {
  let truth: Truth = true;
  for (const each of conditions) {
    const next = await decide(each, host);
    if (next === false) return false;
    if (next === "unknown") truth = "unknown";
  }
  return truth;
}

function not(truth: Truth): Truth {
  return truth === "unknown" ? truth : !truth;
}

function pathTruth(
  { is, path }: Extract<SheetCondition, { kind: "path" }>,
  { reader, opaque }: ConditionHost,
): Truth {
  const facts = is === "islink" ? reader.facts(path) : reader.followed(path);
  if (facts === undefined) return opaque === undefined ? false : "unknown";
  switch (is) {
    case "exists":
      return true;
    case "isfile":
      return facts.kind === "file";
    case "isdir":
      return facts.kind === "folder";
    case "islink":
      return facts.kind === "link";
  }
}
