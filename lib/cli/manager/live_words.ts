import type { Candidate, CursorPlace } from "../complete.ts";
import type { LiveWords } from "../complete_subcommand.ts";
import { approvalName } from "../../base/approval_name.ts";
import { workText } from "./approval_text.ts";
import type { Control, ManagerServices } from "./services.ts";
import { requestText } from "./request_text.ts";
import { outcomeText } from "./states.ts";

/** Newest commands and jobs that are offered, a count. */
const NEWEST = 50;

/** Words of target expressions that name no agent. */
const SETS: readonly Candidate[] = [
  { word: "@away", summary: "agents that are not connected" },
  { word: "@connected", summary: "agents that are connected" },
];

/** Agents, groups, jobs, commands and operations that the running Manager has. */
export async function liveWords(
  place: CursorPlace,
  { dir, signal }: Parameters<LiveWords<ManagerServices>>[1],
  services: ManagerServices,
): Promise<Candidate[]> {
  const ask = ASKERS[place.kind];
  if (ask === undefined) return [];
  using control = await services.connect(dir);
  return await ask(place, control, signal);
}

type Asker = (
  place: CursorPlace,
  control: Control,
  signal: AbortSignal,
) => Promise<Candidate[]>;

const ASKERS: Readonly<Partial<Record<CursorPlace["kind"], Asker>>> = {
  targets: targetWords,
  async agent({ typed }, control, signal) {
    const { agents } = await control.agents.listNames(
      { prefix: typed, agents: true, notEnrolled: true },
      { signal },
    );
    return agents.map(bare);
  },
  async group({ typed }, control, signal) {
    const { groups } = await control.agents.listNames(
      { prefix: typed, groups: true, notEnrolled: true },
      { signal },
    );
    return groups.map(bare);
  },
  job: ({ typed }, control, signal) => jobWords(typed, control, signal),
  async id({ typed }, control, signal) {
    const [jobs, { commands }] = await Promise.all([
      jobWords(typed, control, signal),
      control.commands.listCommands({ limit: NEWEST }, { signal }),
    ]);
    const words = commands.map((command) => ({
      word: String(command.id),
      summary: `${command.agent}, ${
        outcomeText({ ...command, reason: "", errorCode: "" })
      }: ${requestText(command)}`,
    }));
    return [...words.filter(begins(typed)), ...jobs];
  },
  async approval({ typed }, control, signal) {
    const { approvals } = await control.approvals.listApprovals(
      { limit: NEWEST, waiting: true },
      { signal },
    );
    return approvals.map((approval) => ({
      word: approvalName(approval.id),
      summary: `${workText(approval)}, by ${approval.requestedBy}`,
    })).filter(begins(typed));
  },
  async operation({ typed }, control, signal) {
    const { operations } = await control.commands.listOperations({}, {
      signal,
    });
    return operations.map(({ name, description }) => ({
      word: name,
      summary: description,
    })).filter(begins(typed));
  },
};

/** Names, groups and facts for the last part of a target expression, and parameters of an operation. */
async function targetWords(
  { typed, operation }: CursorPlace,
  control: Control,
  signal: AbortSignal,
): Promise<Candidate[]> {
  const [, before = "", part = ""] = /^(.*[\s,&|!(])?(.*)$/s.exec(typed) ?? [];
  const isSet = part.startsWith("@");
  const prefix = isSet ? part.slice(1) : part;
  const [{ agents, groups, facts }, parameters] = await Promise.all([
    control.agents.listNames({
      prefix,
      agents: !isSet,
      groups: isSet || part === "",
      // Facts are many, and only some expressions are about them.
      facts: !isSet && part !== "",
    }, { signal }),
    operation === undefined || before !== ""
      ? []
      : parameterWords(operation, control, signal),
  ]);
  return [
    ...parameters.filter(begins(part)),
    ...agents.map(bare),
    ...groups.map((group) => bare(`@${group}`)),
    ...SETS.filter(begins(part)).filter(() => isSet),
    ...facts.map((fact) => ({ word: `${fact}=`, summary: "fact" })),
    ...[bare("all")].filter(begins(part)).filter(() => part !== ""),
  ].map(({ word, summary }) => ({ word: before + word, summary }));
}

async function parameterWords(
  operation: string,
  control: Control,
  signal: AbortSignal,
): Promise<Candidate[]> {
  const { operations } = await control.commands.listOperations({}, { signal });
  const found = operations.find(({ name }) => name === operation);
  return (found?.parameters ?? []).map(({ name, type, description }) => ({
    word: type === "string" ? `${name}=` : `${name}:=`,
    summary: description,
  }));
}

/** Newest jobs; none of a Manager that has no jobs. */
async function jobWords(
  typed: string,
  control: Control,
  signal: AbortSignal,
): Promise<Candidate[]> {
  try {
    const { jobs } = await control.jobs.listJobs({ limit: NEWEST }, { signal });
    return jobs.map(({ id, name, operation }) => ({
      word: `j-${id}`,
      summary: name === "" ? operation : name,
    })).filter(begins(typed));
  } catch {
    return [];
  }
}

function begins(typed: string): (candidate: Candidate) => boolean {
  return ({ word }) => word.startsWith(typed);
}

function bare(word: string): Candidate {
  return { word, summary: "" };
}
