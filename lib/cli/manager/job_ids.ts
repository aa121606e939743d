import type { JobEntry } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { HintedError } from "../errors.ts";
import { answered, parseId } from "./ids.ts";
import { entryText } from "./job/entry_state.ts";
import type { Control } from "./services.ts";

/** An id as people type it: of a command (17), of a job (j-17), or of an agent of a job (j-17/web-1). */
export type TypedId =
  | { readonly kind: "command"; readonly id: bigint }
  | { readonly kind: "job"; readonly id: bigint }
  | { readonly kind: "entry"; readonly id: bigint; readonly agent: string };

/** Help on ids, for arguments that take any. */
export const ANY_ID =
  "id of a command (17) or a job (j-17), or an agent of a job (j-17/web-1)";

/**
 * Reads an id of any kind.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseAnyId(text: string): TypedId {
  const [, job, agent] = /^j-(\d+)(?:\/(.+))?$/.exec(text) ?? [];
  if (job === undefined) {
    if (/^\d+$/.test(text)) return { kind: "command", id: parseId(text) };
    if (/^a-\d+$/.test(text)) {
      throw new HintedError(
        "INVALID_ARGUMENT",
        `Cannot take "${text}" here: it is a job that waits for approvals`,
        `piri-manager approval show ${text}, or piri-manager approval withdraw ${text}`,
      );
    }
    if (/^p-\d+$/.test(text)) {
      throw new HintedError(
        "INVALID_ARGUMENT",
        `Cannot take "${text}" here: it is a plan`,
        `piri-manager plan show ${text}, or piri-manager apply ${text}`,
      );
    }
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot read the id "${text}": it is neither that of a command, as 17, nor that of a job, as j-17 or j-17/web-1`,
    );
  }
  const id = parseId(job);
  return agent === undefined
    ? { kind: "job", id }
    : { kind: "entry", id, agent };
}

/**
 * Reads the id of a job: j-17 or 17.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseJobId(text: string): bigint {
  return parseId(text.replace(/^j-/, ""));
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
  typed: Exclude<TypedId, { kind: "job" }>,
  { control, attempt }: { readonly control: Control; readonly attempt: string },
): Promise<bigint> {
  if (typed.kind === "command") return typed.id;
  const entry = await findEntry(control, typed);
  if (entry.commandId !== undefined) return entry.commandId;
  const { job } = await control.jobs.getJob({ jobId: typed.id });
  const state = entryText(entry, answered(job, `find job j-${typed.id}`));
  throw new HintedError(
    "FAILED_PRECONDITION",
    `Cannot ${attempt} j-${typed.id}/${typed.agent}: it has no command, it is ${state}`,
    `piri-manager job show j-${typed.id}`,
  );
}
