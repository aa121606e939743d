import { OnDisconnect } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Agent,
  Command,
  Event,
  GetStatusResponse,
  GetTimelineResponse,
  Operation,
  ResolveTargetsResponse,
  WriteFailure,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { foldNames } from "../../targets/fold_names.ts";
import { isoTime } from "../time.ts";
import { hex, parsed, text, time } from "./json_values.ts";
import { stateName } from "./states.ts";

// What `--json` prints: a contract. Ids and byte counts are decimal strings, times ISO 8601 in UTC, what is absent null.

/** An agent as JSON. */
export function agentJson(agent: Agent): Record<string, unknown> {
  return {
    id: agent.id,
    state: agent.connected ? "connected" : "disconnected",
    since: time(agent.sinceMs),
    address: text(agent.address),
    version: text(agent.version),
    installation: text(agent.facts["installation.kind"] ?? ""),
    onTrialFrom: text(agent.facts["installation.trial"] ?? ""),
    protocol: text(agent.protocol),
    groups: agent.groups,
    cidrs: agent.cidrs,
    joined: agent.joined,
    instance: text(agent.instance),
    facts: agent.facts,
    setFacts: agent.setFacts,
    retired: agent.retired,
    revokedAt: time(agent.revokedAtMs),
  };
}

/** The agents that target expressions mean as JSON. */
export function targetsJson(
  { targets, missing, lacking, unmatched, gone, leftOut, seed }:
    ResolveTargetsResponse,
): Record<string, unknown> {
  return {
    count: targets.length,
    folded: foldNames(targets.map(({ name }) => name)),
    agents: targets.map(({ name, connected, groups }) => ({
      name,
      state: connected ? "connected" : "away",
      groups,
    })),
    missing: missing.map(({ name, nearest, reason }) => ({
      name,
      nearest: text(nearest),
      reason: text(reason),
    })),
    lacking: lacking.map(({ fact, agents }) => ({ fact, agents })),
    unmatched,
    gone,
    leftOut: {
      retired: leftOut?.retired ?? 0,
      notJoined: leftOut?.notJoined ?? 0,
      away: leftOut?.away ?? 0,
      notSampled: leftOut?.notSampled ?? 0,
    },
    seed: seed ?? null,
  };
}

/** A command as JSON. */
export function commandJson(command: Command): Record<string, unknown> {
  return {
    id: String(command.id),
    agent: command.agent,
    operation: command.operation,
    params: parsed(command.params),
    state: stateName(command.state),
    exitCode: command.exitCode ?? null,
    signal: text(command.signal),
    createdAt: isoTime(command.createdAtMs),
    sentAt: time(command.sentAtMs),
    startedAt: time(command.startedAtMs),
    finishedAt: time(command.finishedAtMs),
    agentStartedAt: time(command.agentStartedAtMs),
    agentFinishedAt: time(command.agentFinishedAtMs),
    stdoutBytes: String(command.stdoutBytes),
    stderrBytes: String(command.stderrBytes),
    outputKept: command.outputKept === undefined
      ? null
      : String(command.outputKept),
    stdoutSha256: hex(command.stdoutSha256),
    stderrSha256: hex(command.stderrSha256),
    hashOfKept: command.hashOfKept,
    masked: command.masked,
    truncated: command.truncated,
    presumed: command.presumed,
    reason: text(command.reason),
    errorCode: text(command.errorCode),
    changed: command.changed,
    data: parsed(command.data),
    reaped: command.reaped === undefined ? null : {
      signalled: command.reaped.signalled,
      alive: command.reaped.alive,
    },
    job: text(command.job),
    requestedBy: text(command.requestedBy),
    saidBy: text(command.saidBy),
    cancelRequestedAt: time(command.cancelRequestedAtMs),
    cancelRequestedBy: text(command.cancelRequestedBy),
    cancelSaidBy: text(command.cancelSaidBy),
    timeoutMs: command.timeoutMs ?? null,
    unreachableSince: time(command.unreachableSinceMs),
    rerunOf: command.rerunOf === undefined ? null : String(command.rerunOf),
    onDisconnect: command.onDisconnect === OnDisconnect.KILL
      ? "kill"
      : "continue",
    killAfterMs: command.killAfterMs ?? null,
    survive: command.survive,
  };
}

/** A timeline as JSON. */
export function timelineJson(
  command: Command,
  { atMs, entries }: GetTimelineResponse,
): Record<string, unknown> {
  return {
    command: commandJson(command),
    at: isoTime(atMs),
    timeline: entries.map((entry) => ({
      at: time(entry.atMs),
      ageMs: entry.atMs === undefined ? null : Number(atMs - entry.atMs),
      kind: entry.kind,
      text: entry.text,
      evidence: entry.evidence,
    })),
  };
}

/** An event as JSON. */
export function eventJson(event: Event): Record<string, unknown> {
  return {
    // An event that is read from the record of a command has no number of its own.
    id: event.id === 0n ? null : String(event.id),
    cursor: event.cursor,
    at: isoTime(event.atMs),
    kind: event.kind,
    agent: text(event.agent),
    command: event.commandId === undefined ? null : String(event.commandId),
    message: event.message,
  };
}

/** An operation as JSON. */
export function operationJson(operation: Operation): Record<string, unknown> {
  return {
    name: operation.name,
    description: operation.description,
    parameters: operation.parameters.map((parameter) => ({
      name: parameter.name,
      type: parameter.type,
      required: parameter.required,
      description: parameter.description,
    })),
  };
}

/** The status of the Manager as JSON. */
export function statusJson(status: GetStatusResponse): Record<string, unknown> {
  const { retention } = status;
  return {
    version: status.version,
    managerId: status.managerId,
    startedAt: isoTime(status.startedAtMs),
    listen: status.listen,
    advertise: status.advertise,
    agentsConnected: status.agentsConnected,
    agentsKnown: status.agentsKnown,
    commandsOpen: status.commandsOpen,
    commandsTotal: String(status.commandsTotal),
    outputBytes: String(status.outputBytes),
    databaseBytes: String(status.databaseBytes),
    retention: retention === undefined ? null : {
      days: retention.days,
      outputBytes: String(retention.outputBytes),
      outputBytesPerCommand: String(retention.outputBytesPerCommand),
    },
    blobs: status.blobs === undefined ? null : {
      count: String(status.blobs.count),
      bytes: String(status.blobs.bytes),
      limitBytes: String(status.blobs.limitBytes),
    },
    certificateExpiresAt: isoTime(status.certificateExpiresAtMs),
    writeFailure: status.writeFailure === undefined
      ? null
      : writeFailureJson(status.writeFailure),
    counters: Object.fromEntries(
      Object.entries(status.counters)
        .map(([name, count]) => [name, String(count)]),
    ),
  };
}

/** A failure to write the database as JSON. */
export function writeFailureJson(
  { sinceMs, lastMs, reason }: WriteFailure,
): Record<string, string> {
  return { since: isoTime(sinceMs), last: isoTime(lastMs), reason };
}
