import type { JobEntry } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { HintedError } from "../errors.ts";
import { answered } from "./ids.ts";
import { entryHasEnded, entryText } from "./job/entry_state.ts";
import type { Control } from "./services.ts";
import { parseIdOf, typedId, type WorkId, wrongKind } from "./typed_id.ts";

/** Help on ids, for arguments that take any. */
export const ANY_ID =
  "id of a command (17) or a job (j-17), or an agent of a job (j-17/web-1)";

/**
 * Reads an id of a command, of a job, or of an agent of a job.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseAnyId(text: string): WorkId {
  const typed = typedId(text);
  if (typed === undefined) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot read the id "${text}": it is neither that of a command, as 17, nor that of a job, as j-17 or j-17/web-1`,
    );
  }
  if (typed.kind !== "plan" && typed.kind !== "approval") return typed;
  throw wrongKind(text, typed);
}

/**
 * Reads the id of a job: j-17 or 17.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseJobId(text: string): bigint {
  return parseIdOf("job", text);
}

/** All entries of a job, in the order of starting. */
export async function* allEntries(
  control: Control,
  jobId: bigint,
): AsyncGenerator<JobEntry> {
  for (let fromPosition = 0;;) {
    const limit = 10_000;
    const request = { jobId, limit, fromPosition };
    const { entries } = await control.jobs.listEntries(request);
    yield* entries;
    const last = entries.at(-1);
    if (last === undefined || entries.length < limit) return;
    fromPosition = last.position + 1;
  }
}

/**
 * Finds an agent of a job.
 *
 * @throws {PiriError} NOT_FOUND
 */
export async function findEntry(
  control: Control,
  { id, agent }: { readonly id: bigint; readonly agent: string },
): Promise<JobEntry> {
  for await (const entry of allEntries(control, id)) {
    if (entry.agent === agent) return entry;
  }
  throw new HintedError(
    "NOT_FOUND",
    `Cannot find "${agent}" in job j-${id}: it is none of its agents`,
    `piri-manager job show j-${id} lists them`,
  );
}

/**
 * Id of the command that an id of a command or of an agent of a job means.
 *
 * @throws {PiriError} FAILED_PRECONDITION if that agent has no command
 */
export async function commandIdOf(
  typed: Exclude<WorkId, { kind: "job" }>,
  { control, attempt, next }: {
    readonly control: Control;
    readonly attempt: string;
    /** Way on if the agent has got no command, and will get none; the command that shows it by default. */
    readonly next?: string;
  },
): Promise<bigint> {
  if (typed.kind !== "entry") return typed.id;
  const entry = await findEntry(control, typed);
  if (entry.commandId !== undefined) return entry.commandId;
  const { job } = await control.jobs.getJob({ jobId: typed.id });
  const state = entryText(entry, answered(job, `find job j-${typed.id}`));
  const name = `j-${typed.id}/${typed.agent}`;
  const hasEnded = entryHasEnded(entry);
  throw new HintedError(
    "FAILED_PRECONDITION",
    `Cannot ${attempt} ${name}: it has no command${
      hasEnded ? "" : " yet"
    }, it is ${state}`,
    hasEnded
      ? next ?? `piri-manager show ${name}`
      : `piri-manager job watch j-${typed.id}, or piri-manager job cancel j-${typed.id}`,
  );
}
