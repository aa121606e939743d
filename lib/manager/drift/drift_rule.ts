import * as v from "valibot";
import { Cron } from "croner";
import { PiriError } from "../../base/errors.ts";
import { durationSetting, readBy } from "../../base/settings.ts";
import { parseWithin, type Within } from "../../base/within.ts";

/** Shortest time between two plans of a rule. */
const MIN_EVERY = "10s";

/** Rule of config.yaml: plan a state again and again, and tell who differs. */
export interface DriftRule {
  /** Name of the state; empty for the whole states of the agents. */
  readonly state: string;
  /** Target expression. */
  readonly agents: string;
  /** Time between two plans, in milliseconds; absent with `cron`. */
  readonly every?: number | undefined;
  /** Times of plans, as in a crontab, and a time zone. */
  readonly cron?: string | undefined;
  /** Longest random delay of a plan, in milliseconds. */
  readonly jitter: number;
  /** Longest time for which a plan may look at the hosts, in milliseconds. */
  readonly deadline: number;
  /** Only tell, or also apply. */
  readonly do: "plan" | "apply";
  /** Times at which it may apply. */
  readonly window?: Within | undefined;
  /** Names of steps that do not count, with "*" for any characters. */
  readonly ignore: readonly string[];
}

/** Name of a rule, by which its progress is kept. */
export function driftRuleName({ state, agents }: DriftRule): string {
  return `${state === "" ? "(whole)" : state} on ${agents}`;
}

/**
 * Time of the next plan of a rule after a time, in milliseconds since 1970.
 *
 * @param fraction Random number from 0 to 1, for the jitter.
 */
export function nextPlanAt(
  { every, cron, jitter }: DriftRule,
  now: number,
  fraction: number,
): number {
  const at = every === undefined
    ? cronOf(cron ?? "").nextRun(new Date(now))?.getTime()
    : now + every;
  return (at ?? Infinity) + Math.trunc(jitter * fraction);
}

const text = () => v.string("it should be text in quotes");

/** Schema of the rules in config.yaml. */
export const DriftSetting = v.pipe(
  v.array(
    v.pipe(
      v.strictObject({
        state: v.optional(text(), ""),
        agents: v.pipe(
          text(),
          v.check((line) => line.trim() !== "", "it should not be empty"),
        ),
        every: v.optional(
          durationSetting(1_000, { least: MIN_EVERY, most: "365d" }),
        ),
        cron: v.optional(readBy(readCron)),
        jitter: v.optional(
          durationSetting(1_000, { least: "0s", most: "1d" }),
          "0s",
        ),
        deadline: v.optional(
          durationSetting(1_000, { least: "10s", most: "1d" }),
          "10m",
        ),
        do: v.optional(
          v.picklist(["plan", "apply"], "it should be plan or apply"),
          "plan",
        ),
        window: v.optional(readBy(parseWithin)),
        ignore: v.optional(
          v.array(text(), "it should be a list of names of steps"),
          [],
        ),
      }),
      v.check(
        ({ every, cron }) => (every === undefined) !== (cron === undefined),
        "it should have either every or cron",
      ),
      v.check(
        (rule) => rule.do === "plan" || rule.window !== undefined,
        "it should have a window, as it applies",
      ),
      v.check(
        (rule) => rule.do === "apply" || rule.window === undefined,
        "it should have no window, as it does not apply",
      ),
    ),
    "it should be a list",
  ),
  v.check(
    (rules) => new Set(rules.map(driftRuleName)).size === rules.length,
    "it should not have the same state and agents twice",
  ),
);

function readCron(line: string): string {
  let next: Date | null;
  try {
    next = cronOf(line).nextRun();
  } catch (error) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot read "${line}": it should be five fields of a crontab and a time zone, as "0 3 * * * Europe/Berlin"`,
      { cause: error },
    );
  }
  if (next !== null) return line;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read "${line}": it never comes`,
  );
}

/** Reads times as in a crontab, and a zone. Throws for a mistake, and an unknown zone throws when it is used first. */
function cronOf(line: string): Cron {
  const words = line.trim().split(/\s+/);
  const timezone = words.pop() ?? "";
  return new Cron(words.join(" "), {
    paused: true,
    timezone,
    mode: "5-part",
  });
}
