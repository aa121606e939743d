import { concat } from "@std/bytes/concat";
import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "../../base/sha256.ts";
import { isOpenState } from "../../base/command_state.ts";
import { isUnstarted } from "../../base/job_state.ts";
import type { EntryCommand, EntryRecord } from "../../store/job_records.ts";
import type {
  PlanAgentRecord,
  PlanFindings,
  PlanRecord,
} from "../../store/plan_records.ts";
import type { Store } from "../../store/store.ts";
import type { Blobs } from "../blobs/blobs.ts";
import { failedFindings, readFindings } from "./findings.ts";
import type { Applied } from "./plan_view.ts";

/** Entries that are read at a time. */
const PAGE = 200;

/** Most bytes of the records of a command that are read. */
const MAX_BYTES = 16 * 1_048_576;

/** Parts that records are collected with. */
export interface CollectOptions {
  readonly store: Pick<
    Store,
    "jobEntries" | "readOutput" | "changePlan" | "command"
  >;
  readonly blobs: Pick<Blobs, "add">;
}

/** Notes what the commands of a plan that have ended since have found. Returns true if that is anything. */
export async function collectFindings(
  { id, jobId }: PlanRecord,
  agents: readonly PlanAgentRecord[],
  options: CollectOptions,
): Promise<boolean> {
  const open = new Set(
    agents.filter(({ state }) => state === "planning")
      .map(({ agent }) => agent),
  );
  if (jobId === null || open.size === 0) return false;
  let found = false;
  for await (const entries of pagesOf(jobId, options)) {
    const findings: PlanFindings[] = [];
    // They become blobs together: each addition waits for the disk.
    const contents = new Map<string, Uint8Array>();
    for (const entry of entries) {
      if (!open.has(entry.agent)) continue;
      const each = await findingsOf(entry, contents, options);
      if (each !== undefined) findings.push(each);
    }
    if (findings.length === 0) continue;
    await options.blobs.add([...contents.values()]);
    await options.store.changePlan(id, { kind: "findings", findings });
    found = true;
  }
  return found;
}

/** Newest applies of a plan by the names of the agents. */
export async function appliesOf(
  agents: readonly PlanAgentRecord[],
  { withData, ...options }: CollectOptions & {
    /** True to read the results of their commands, too. */
    readonly withData: boolean;
  },
): Promise<Map<string, Applied>> {
  const jobs = new Map<bigint, Set<string>>();
  for (const { agent, applyJob } of agents) {
    if (applyJob === null) continue;
    jobs.set(applyJob, (jobs.get(applyJob) ?? new Set()).add(agent));
  }
  const applied = new Map<string, Applied>();
  for (const [job, names] of jobs) {
    for await (const entries of pagesOf(job, options)) {
      for (const entry of entries) {
        if (!names.has(entry.agent)) continue;
        const { command } = entry;
        applied.set(entry.agent, {
          entry,
          command: command === null
            ? null
            : withData
            ? await options.store.command(command.id) ?? null
            : { ...command, data: null },
        });
      }
    }
  }
  // Those that were begun without a job of the plan, or before that was noted.
  for (const { agent, applyCommand } of agents) {
    const known = applied.get(agent)?.command ?? null;
    if (applyCommand === null || known !== null) continue;
    const command = await options.store.command(applyCommand) ?? null;
    const entry = applied.get(agent)?.entry ?? null;
    applied.set(agent, { entry, command });
  }
  return applied;
}

async function* pagesOf(
  job: bigint,
  { store }: CollectOptions,
): AsyncGenerator<EntryRecord[]> {
  for (let from = 0;;) {
    const entries = await store.jobEntries(job, { from, limit: PAGE });
    if (entries.length > 0) yield entries;
    const last = entries.at(-1);
    if (last === undefined || entries.length < PAGE) return;
    from = last.position + 1;
  }
}

async function findingsOf(
  { agent, state, reason, command }: EntryRecord,
  contents: Map<string, Uint8Array>,
  options: CollectOptions,
): Promise<PlanFindings | undefined> {
  if (isUnstarted(state)) return undefined;
  if (command === null) {
    return failedFindings(
      agent,
      state === "started" ? "its command is no longer there" : reason,
    );
  }
  if (isOpenState(command.state)) return undefined;
  const { counts, expect, changes, message } = readFindings(
    await recordsOf(command, options),
  );
  const failure = command.state === "succeeded"
    ? message
    : counts.failed > 0
    ? message
    : command.reason || message || `it is ${command.state}`;
  const kept = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    const hash = encodeHex(sha256(bytes));
    contents.set(hash, bytes);
    return hash;
  };
  return {
    agent,
    state: failure === "" ? "planned" : "failed",
    message: failure,
    counts,
    expect: kept(expect),
    changes: kept(changes),
  };
}

async function recordsOf(
  { id }: EntryCommand,
  { store }: CollectOptions,
): Promise<string> {
  const pieces = await store.readOutput(id, {
    stream: "stdout",
    offset: 0n,
    limit: MAX_BYTES,
  });
  return new TextDecoder().decode(concat(pieces.map(({ bytes }) => bytes)));
}
