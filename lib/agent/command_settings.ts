import * as v from "valibot";
import type {
  WantedLimit,
  WantedLimits,
} from "../operations/resource_limits.ts";
import { STANDARD_UMASK } from "../operations/surroundings.ts";

/** Settings for the programs of commands: the key `commands` of agent.yaml. */
export interface CommandSettings {
  /** Folders in which programs are searched; the standard ones by default. */
  readonly path?: string | undefined;
  /** Mask of new files. */
  readonly umask: number;
  /** Variables of every program. */
  readonly environment: Readonly<Record<string, string>>;
  /** Limits other than the system's. */
  readonly limits: WantedLimits;
}

const NO_VARIABLE = "it should be the name of a variable, without =";

const LimitSetting = v.pipe(
  v.union(
    [v.number(), v.string()],
    "it should be a number, unlimited, or both limits as 1024:4096",
  ),
  v.rawTransform<string | number, WantedLimit>(
    ({ dataset, addIssue, NEVER }) => {
      const limit = limitOf(String(dataset.value));
      if (limit !== undefined) return limit;
      addIssue({
        message:
          "it should be a number, unlimited, or both limits as 1024:4096, the lower one first",
      });
      return NEVER;
    },
  ),
);

/** Fewest open files with which the agent can run as many commands as it may. */
const MIN_OPEN_FILES = 512;

/** Schema of `commands`. */
export const CommandSetting = v.strictObject({
  path: v.optional(v.pipe(
    v.string("it should be folders, joined by :"),
    v.nonEmpty("it should be folders, joined by :"),
  )),
  umask: v.optional(
    v.pipe(
      v.string('it should be octal digits in quotes, as "022"'),
      v.regex(
        /^0?[0-7]{1,3}$/,
        'it should be octal digits in quotes, as "022"',
      ),
      v.transform((digits) => parseInt(digits, 8)),
    ),
    STANDARD_UMASK.toString(8),
  ),
  environment: v.optional(
    v.record(
      v.pipe(
        v.string(),
        v.regex(/^[^=\0]+$/, NO_VARIABLE),
        v.check(
          (name) => !name.startsWith("PIRI_"),
          "names that begin with PIRI_ belong to Piri itself",
        ),
      ),
      v.pipe(
        v.string("it should be text in quotes"),
        v.check((text) => !text.includes("\0"), "it has a NUL character"),
      ),
    ),
    {},
  ),
  limits: v.optional(
    // Only these: the agent has the limits, too, and others, such as one of CPU time, would end it.
    v.strictObject({
      openFiles: v.optional(v.pipe(
        LimitSetting,
        v.check(
          ({ soft = Infinity }) => soft >= MIN_OPEN_FILES,
          `it should be at least ${MIN_OPEN_FILES}, because the agent has this limit, too`,
        ),
      )),
      processes: v.optional(LimitSetting),
      coreBytes: v.optional(LimitSetting),
      stackBytes: v.optional(LimitSetting),
      lockedBytes: v.optional(LimitSetting),
      pendingSignals: v.optional(LimitSetting),
      queueBytes: v.optional(LimitSetting),
      nicePriority: v.optional(LimitSetting),
      realtimePriority: v.optional(LimitSetting),
    }),
    {},
  ),
});

/** Reads a limit: one number for both, or the one that counts and the one that it may be raised to. */
function limitOf(text: string): WantedLimit | undefined {
  const [, soft, hard = soft] =
    /^(\d{1,15}|unlimited)(?::(\d{1,15}|unlimited))?$/.exec(text) ?? [];
  if (soft === undefined || hard === undefined) return undefined;
  const [a, b] = [soft, hard].map((each) =>
    each === "unlimited" ? undefined : Number(each)
  );
  return (a ?? Infinity) > (b ?? Infinity) ? undefined : { soft: a, hard: b };
}
