import { askerText, operatorText } from "../../base/asker.ts";
import { hasEndedForGood, isOpenState } from "../../base/command_state.ts";
import { jobIdOf } from "../../base/job_state.ts";
import type { JobRecord } from "../../store/job_records.ts";
import type { EventRecord, StreamName } from "../../store/records.ts";
import type { AgentSession } from "../fleet.ts";
import type {
  CommandView,
  Evidence,
  TimelineEntry,
} from "../api/operator_api.ts";
import {
  acknowledgedText,
  bytesText,
  endText,
  helloText,
  meanwhile,
  notKeptText,
  progressText,
  secondsText,
  wordsOf,
} from "./timeline_text.ts";
import type { CommandTrace } from "../command/command_trace.ts";

/** Kinds of events that tell what became of an agent's connection. */
export const LINK_EVENTS: readonly string[] = [
  "agent_joined",
  "agent_rotated",
  "agent_connected",
  "agent_disconnected",
  "agent_replaced",
  "agent_instance",
  "agent_policy",
  "agent_removed",
];

/** Number of events in a timeline at most, the newest ones. */
export const TIMELINE_EVENTS = 200;

/** Facts that a timeline is made from. */
export interface TimelineFacts {
  readonly command: CommandView;
  /** The job of the command; undefined without one. */
  readonly job?: Pick<JobRecord, "approvedBy" | "signed"> | undefined;
  /** Events about the command and its agent's connection, oldest first. */
  readonly events: readonly EventRecord[];
  /** Sightings in this run of the Manager. */
  readonly trace: CommandTrace | undefined;
  /** Bytes received of an open command. */
  readonly received: Readonly<Record<StreamName, bigint>> | undefined;
  /** Current connection of the agent. */
  readonly session: AgentSession | undefined;
  /** Start of this run of the Manager; undefined before it has loaded the open commands. */
  readonly startedAt: number | undefined;
}

/** Tells what happened to a command, in order, and then what holds now. Nothing is told without evidence. */
export function timelineOf(facts: TimelineFacts): TimelineEntry[] {
  const entries = [
    ...beginning(facts),
    ...told(facts),
    ...happened(facts),
    ...cancel(facts),
    ...restart(facts),
    ...ending(facts),
    ...connection(facts),
  ];
  // Sorting is stable: entries of one time stay in the order of their causes.
  return entries.sort((a, b) => order(a) - order(b));
}

function order({ at }: TimelineEntry): number {
  return at ?? Number.MAX_VALUE;
}

function entry(
  at: number | null,
  kind: string,
  evidence: Evidence,
  text: string,
): TimelineEntry {
  return { at, kind, text, evidence };
}

function* beginning(
  { command, trace, job: entryOf }: TimelineFacts,
): Generator<TimelineEntry> {
  const { createdAt, sentAt, startedAt, rerunOf, job, survive } = command;
  const ofJob = jobIdOf(job) === undefined ? "" : `, in job ${job}`;
  const repeats = rerunOf === null
    ? ""
    : `, as a repetition of command ${rerunOf}`;
  yield entry(
    createdAt,
    "asked",
    "database",
    `asked for by ${operatorText(command)}${ofJob}${repeats}${
      agreedText(entryOf)
    }${survive ? "; its program outlives its agent" : ""}`,
  );
  if (sentAt === null) return;
  const where = command.instance
    ? `to instance ${command.instance.slice(0, 8)}, session ${command.session}`
    : "to the agent";
  yield entry(
    sentAt,
    "sent",
    "database",
    `sent ${where}: recorded before its first byte left`,
  );
  if (trace?.writtenAt !== undefined) {
    yield entry(
      trace.writtenAt,
      "written",
      "memory",
      "written to the agent's connection",
    );
  }
  // The first report can be the result: then only the result is told.
  if (startedAt === null || startedAt === command.finishedAt) return;
  yield entry(
    startedAt,
    "running",
    "database",
    "running: the first word of it came from the agent",
  );
}

/** Words about those who have approved of a job or signed it. */
function agreedText(job: TimelineFacts["job"]): string {
  const signers = job?.signed?.signatures.map(({ by }) => by) ?? [];
  return [
    ["approved by", job?.approvedBy ?? []] as const,
    ["signed by", signers] as const,
  ].map(([how, names]) =>
    names.length === 0 ? "" : `, ${how} ${names.join(" and ")}`
  ).join("");
}

/** Entries from the event log that the command's own record does not tell. */
function* happened(
  { command, events }: TimelineFacts,
): Generator<TimelineEntry> {
  const [first] = events;
  if (first !== undefined && events.length >= TIMELINE_EVENTS) {
    yield entry(first.at, "left_out", "events", "earlier events are left out");
  }
  const end = isOpenState(command.state)
    ? undefined
    : events.findLast(({ kind }) => kind === `command_${command.state}`);
  for (const event of events) {
    if (event === end || event.kind === "run") continue;
    yield entry(event.at, event.kind, "events", event.message);
  }
}

/** Entries about what the agent reported while the command ran. */
function* told(facts: TimelineFacts): Generator<TimelineEntry> {
  const { command, trace } = facts;
  for (const hello of trace?.hellos ?? []) {
    yield entry(hello.at, "listed", "hello", helloText(hello));
  }
  const progress = progressText(command);
  if (progress !== undefined && trace?.progressAt !== undefined) {
    yield entry(trace.progressAt, "progress", "memory", progress);
  } else if (progress !== undefined && isOpenState(command.state)) {
    yield entry(null, "progress", "database", `${progress}, as last recorded`);
  }
  yield* output(facts);
}

function* output(
  { command, trace, received }: TimelineFacts,
): Generator<TimelineEntry> {
  const held = { stdout: command.stdoutHeld, stderr: command.stderrHeld };
  const notKept = notKeptText(command);
  if (trace?.outputAt !== undefined) {
    const came = received ?? held;
    const known = isOpenState(command.state)
      ? `, ${acknowledgedText(came, trace.acknowledged)}${notKept}`
      : "";
    yield entry(
      trace.outputAt,
      "output",
      "memory",
      `last output: ${bytesText(came)} received${known}`,
    );
  } else if (isOpenState(command.state) && command.state === "running") {
    const some = held.stdout + held.stderr > 0n;
    yield entry(
      null,
      "output",
      "database",
      some
        ? `${
          bytesText(held)
        } recorded${notKept}; when the last of it came is not known any more`
        : "no output has come so far",
    );
  }
}

function* cancel(
  { command, trace, session }: TimelineFacts,
): Generator<TimelineEntry> {
  const { cancelRequestedAt, cancelGraceMs, sentAt } = command;
  if (cancelRequestedAt === null) return;
  const grace = sentAt === null || cancelGraceMs === null
    ? ""
    : `, ${secondsText(cancelGraceMs)} between SIGTERM and SIGKILL`;
  const by = askerText({
    requestedBy: command.cancelRequestedBy,
    saidBy: command.cancelSaidBy,
  });
  yield entry(
    cancelRequestedAt,
    "cancel_requested",
    "database",
    `cancel requested${by === "" ? "" : ` by ${by}`}${grace}`,
  );
  const sent = trace?.cancelSent;
  if (sent !== undefined) {
    yield entry(
      sent.at,
      "cancel_sent",
      "memory",
      `the cancel was sent to the agent, session ${sent.session}`,
    );
  }
  if (isOpenState(command.state) && session === undefined) {
    yield entry(
      null,
      "cancel_waits",
      "connection",
      "the cancel waits: it is sent again when the agent is back and lists the command",
    );
  }
}

function* restart(
  { command, startedAt }: TimelineFacts,
): Generator<TimelineEntry> {
  if (startedAt === undefined || command.createdAt >= startedAt) return;
  if (hasEndedForGood(command) && (command.finishedAt ?? 0) < startedAt) return;
  yield entry(
    startedAt,
    "manager_started",
    "memory",
    "this Manager was started: what the one before it had not recorded is not known any more",
  );
}

function* ending(
  { command, trace }: TimelineFacts,
): Generator<TimelineEntry> {
  const { finishedAt, sentAt, instance } = command;
  if (isOpenState(command.state)) return;
  if (command.presumed) {
    yield entry(
      finishedAt,
      "presumed",
      "database",
      `presumed ${wordsOf(command)}: ${command.reason}`,
    );
    yield entry(
      null,
      "replaceable",
      "database",
      "a result replaces this, or a hello of the agent that lists the command",
    );
    return;
  }
  // A command that was never sent was ended here; any other by the agent's word.
  const byAgent = sentAt !== null;
  yield entry(
    finishedAt,
    "ended",
    byAgent ? "result" : "database",
    byAgent ? `result recorded: ${endText(command)}` : endText(command),
  );
  if (trace?.resultAcknowledgedAt !== undefined) {
    yield entry(
      trace.resultAcknowledgedAt,
      "acknowledged",
      "memory",
      "result acknowledged: the agent may forget the command",
    );
  } else if (byAgent && instance) {
    yield entry(
      null,
      "unacknowledged",
      "memory",
      "whether the agent heard that the result is recorded is not known here; if it lists the command it is told again",
    );
  }
}

/** Entries about the connection of an agent whose command may still change. */
function* connection(
  { command, session, events }: TimelineFacts,
): Generator<TimelineEntry> {
  if (hasEndedForGood(command)) return;
  if (session !== undefined) {
    const { address } = session;
    const waits = command.state === "queued"
      ? "; the command waits until it takes some"
      : command.state === "sent"
      ? "; it has not told of the command yet"
      : "";
    yield entry(
      null,
      "connected",
      "connection",
      `the agent is connected from ${address}${waits}`,
    );
    return;
  }
  const { unreachableSince: since } = command;
  const left = events.findLast(({ kind }) => kind === "agent_disconnected");
  yield entry(
    // Below the event that tells why.
    since === null ? null : Math.max(since, left?.at ?? 0),
    "unreachable",
    "connection",
    `the agent is not connected${
      isOpenState(command.state) ? meanwhile(command) : ""
    }`,
  );
}
