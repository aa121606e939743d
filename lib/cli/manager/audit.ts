import type { AuditEntry } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { askerText } from "../../base/asker.ts";
import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { auditJson } from "./audit_json.ts";
import { pruneAudit } from "./audit_prune.ts";
import { verifyAudit } from "./audit_verify.ts";
import { parseId } from "./ids.ts";
import type { ManagerServices } from "./services.ts";

const list = defineSubcommand({
  name: "list",
  summary: "list what was asked for and by whom, newest first",
  positionals: {},
  flags: {
    limit: {
      type: "number",
      value: "N",
      summary: "number of entries, at most 1000 (default: 100)",
      least: 1,
      most: 1_000,
    },
    who: { type: "string", value: "USER", summary: "only acts of this user" },
    act: {
      type: "string",
      value: "ACT",
      summary: "only this act, such as StartJob",
    },
    on: {
      type: "string",
      value: "NAME",
      summary: "only acts on this agent, expression, command or job",
    },
    since: {
      type: "duration",
      value: "TIME",
      summary: "only acts of the last 7d, 1h and so on",
    },
    before: {
      type: "string",
      value: "ID",
      summary: "only entries with a smaller id: the next page",
    },
  },
  examples: ["", "--who anna --since 7d", "--act RemoveAgent --json"],
  async execute({ flags, dir, output, terminal }, services: ManagerServices) {
    const { limit, since, who = "", act = "", on = "", before } = flags;
    const beforeId = before === undefined ? undefined : parseId(before);
    using control = await services.connect(dir);
    const { entries } = await control.audit.listAudit({
      ...limit === undefined ? {} : { limit },
      ...beforeId === undefined ? {} : { beforeId },
      ...since === undefined
        ? {}
        : { sinceMs: BigInt(Math.trunc(terminal.clock.now() - since)) },
      who,
      act,
      on,
    });
    await output.list(entries, {
      json: auditJson,
      columns: {
        ID: ({ id }) => String(id),
        TIME: ({ atMs }) => output.time(atMs),
        WHO: whoText,
        ACT: actText,
        ON: ({ on }) => on,
        OUTCOME: outcomeText,
      },
    });
    return ExitCode.ok;
  },
});

const exportEntries = defineSubcommand({
  name: "export",
  summary: "print all entries as JSON Lines, oldest first",
  positionals: {},
  flags: {
    from: {
      type: "string",
      value: "ID",
      summary: "first entry (default: 1)",
    },
    follow: {
      type: "boolean",
      summary: "print new entries, too, until Ctrl-C",
    },
  },
  examples: ["> audit.jsonl", "--from 1201 --follow"],
  async execute({ flags, dir, output, terminal }, services: ManagerServices) {
    const fromId = flags.from === undefined ? undefined : parseId(flags.from);
    using control = await services.connect(dir);
    const stop = new AbortController();
    using _interrupts = terminal.onSignal("SIGINT", () => stop.abort());
    const request = {
      ...fromId === undefined ? {} : { fromId },
      follow: flags.follow,
    };
    try {
      const { signal } = stop;
      const answers = control.audit.exportAudit(request, { signal });
      for await (const { entry } of answers) {
        if (entry !== undefined) await output.value(auditJson(entry));
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
    return ExitCode.ok;
  },
});

/** `audit`: the record of what was asked for. */
export const audit: Group<ManagerServices> = {
  name: "audit",
  summary: "see who asked for what, and check the record",
  subcommands: [list, exportEntries, verifyAudit, pruneAudit],
};

function actText({ act, operation }: AuditEntry): string {
  return operation === "" ? act : `${act} ${operation}`;
}

/** User of an entry. A stranger is told by the address. */
function whoText({ who, note, from, decision }: AuditEntry): string {
  return who === "" && decision === "denied"
    ? `stranger at ${from}`
    : askerText({ requestedBy: who, saidBy: note });
}

function outcomeText({ decision, rule, outcome }: AuditEntry): string {
  if (decision === "allowed") return outcome;
  const by = rule === "" ? decision : `${decision} by ${rule}`;
  return outcome === "" ? by : `${by}: ${outcome}`;
}
