import type { Audit } from "../../lib/agent/audit/audit_log.ts";
import type { AuditLine } from "../../lib/agent/audit/audit_line.ts";
import {
  type HostCommand,
  hostCommands,
} from "../../lib/agent/audit/host_commands.ts";
import { HeardAudit } from "../support/heard_audit.ts";

/** Command in the record of its agent. */
export interface AgentCommand extends HostCommand {
  readonly agent: string;
}

/** Records that the agents of a fleet keep of their commands. */
export class FleetRecords {
  readonly #audits = new Map<string, HeardAudit>();
  readonly #counts = new Map<AuditLine["event"], number>();
  /** Ends with another exit code than 0. */
  failed = 0;

  /** Record of one agent, over all its starts. */
  audit(agent: string): Audit {
    const audit = this.#audits.get(agent) ?? new HeardAudit();
    this.#audits.set(agent, audit);
    return {
      add: (line) => {
        this.#counts.set(line.event, this.count(line.event) + 1);
        if (line.event === "ended" && line.end.exitCode !== 0) this.failed++;
        return audit.add(line);
      },
    };
  }

  /** Count of lines of one kind in all records. */
  count(event: AuditLine["event"]): number {
    return this.#counts.get(event) ?? 0;
  }

  /** All commands, in the order in which agents accepted them. */
  get commands(): AgentCommand[] {
    return [...this.#audits].flatMap(([agent, { lines }]) =>
      hostCommands(lines).map((command) => ({ agent, ...command }))
    ).sort((a, b) => (a.acceptedAt ?? 0) - (b.acceptedAt ?? 0));
  }
}

/** Highest number of commands that agents had accepted and not ended at the same time. */
export function mostAtOnce(commands: readonly AgentCommand[]): number {
  const steps = commands.flatMap(({ acceptedAt = 0, finishedAt = Infinity }) =>
    [
      { at: acceptedAt, by: 1 },
      { at: finishedAt, by: -1 },
    ] as const
  );
  // Of the same millisecond, ends come first: a start is caused by an end, and not an end by a start.
  steps.sort((a, b) => a.at - b.at || a.by - b.by);
  let now = 0;
  let most = 0;
  for (const { by } of steps) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}
