import { encodeHex } from "@std/encoding/hex";
import type { Random } from "../../base/random.ts";
import type { AskAgents } from "../api/audit_api.ts";
import type { CommandAdmin } from "../api/command_api.ts";
import type { EntryView, JobAdmin } from "../api/job_api.ts";
import {
  type AgentAnswer,
  type AnswerPage,
  answerPage,
} from "./agent_answer.ts";

/** Operation by which agents answer. */
const OPERATION = "agent.Audit";

/** Longest time for one answer, and for a page of all answers, in milliseconds. */
const TIMEOUT_MS = 60_000;
const DEADLINE_MS = 90_000;

/** Pages of the commands of one agent, a count. */
const MAX_PAGES = 100;

/** Entries that one request reads. */
const ENTRIES = 1_000;

/** Parts that are needed to ask agents. */
export interface AskParts {
  readonly jobs: Pick<JobAdmin, "start" | "watch" | "entries">;
  readonly commands: Pick<CommandAdmin, "get">;
  readonly managerId: string;
  readonly random: Random;
}

type Draft = AgentAnswer & {
  error: string;
  witnesses: AgentAnswer["witnesses"][number][];
  commands: AgentAnswer["commands"][number][];
};

/**
 * Asks agents what they know about the audit: one job for each page of their commands.
 *
 * @throws {PiriError} as the start of a job
 */
export async function askAgents(
  ask: AskAgents,
  parts: AskParts,
  signal: AbortSignal,
): Promise<AgentAnswer[]> {
  const answers = new Map<string, Draft>();
  let targets = ask.targets;
  let skip = 0;
  for (let page = 0; page < MAX_PAGES; page++) {
    const told = await pageOf({ ...ask, targets }, { ...parts, skip }, signal);
    const more: string[] = [];
    let longest = 0;
    for (const { agent, answer } of told) {
      const draft = answers.get(agent) ??
        { agent, error: "", witnesses: [], commands: [] };
      answers.set(agent, draft);
      if (typeof answer === "string") {
        draft.error = answer;
        continue;
      }
      draft.witnesses.push(...answer.witnesses);
      draft.commands.push(...answer.commands);
      if (answer.more && answer.commands.length > 0) more.push(agent);
      longest = Math.max(longest, answer.commands.length);
    }
    if (more.length === 0) break;
    targets = { expressions: more, allowMissing: true };
    skip += longest;
  }
  return [...answers.values()];
}

/** One page of the answers of agents, or why an agent gave none. */
async function pageOf(
  { targets, rights, ...asker }: AskAgents,
  { jobs, commands, managerId, random, skip }: AskParts & {
    readonly skip: number;
  },
  signal: AbortSignal,
): Promise<{ agent: string; answer: AnswerPage | string }[]> {
  const { job } = await jobs.start({
    ...asker,
    ...rights === undefined ? {} : { rights },
    targets,
    operation: OPERATION,
    params: JSON.stringify({
      manager: managerId,
      ...skip === 0 ? {} : { skip },
    }),
    timeoutMs: TIMEOUT_MS,
    onDisconnect: "kill",
    requestId: encodeHex(random.bytes(16)),
    limits: {
      canaryTargets: [],
      cancelRest: false,
      order: "name",
      supersedeKey: "",
      deadlineMs: DEADLINE_MS,
    },
    name: "audit verify",
    note: "",
  });
  const sight = rights?.sight;
  const news = jobs.watch(job.id, { output: false, from: [], signal, sight });
  for await (const _ of news);
  signal.throwIfAborted();
  const told: { agent: string; answer: AnswerPage | string }[] = [];
  for (let from = 0; from < job.total; from += ENTRIES) {
    const entries = await jobs.entries(job.id, { from, limit: ENTRIES }, sight);
    for (const entry of entries) {
      told.push({
        agent: entry.agent,
        answer: await answerOf(entry, commands),
      });
    }
  }
  return told;
}

async function answerOf(
  { state, reason, commandId, command }: EntryView,
  commands: AskParts["commands"],
): Promise<AnswerPage | string> {
  if (commandId === null || command === null) return reason || state;
  const { state: end, data, reason: why } = await commands.get(commandId);
  if (end !== "succeeded") return why || reason || end;
  return answerPage(data ?? "") ?? "its answer cannot be read";
}
