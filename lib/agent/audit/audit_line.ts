import type { CommandStateName } from "../../base/command_state.ts";
import { jsonObject } from "../../base/json_object.ts";
import type { ChainLink } from "./audit_chain.ts";

/** Names a command in the record. Ids of legacy Managers repeat. */
export interface CommandKey {
  readonly id: bigint;
  readonly nonce: bigint;
  /** Id of the Manager's database; empty for a legacy Manager. */
  readonly managerId: string;
}

/** Command in the record: never its arguments, its environment or its standard input, which may hold secrets. */
export interface RecordedCommand extends CommandKey {
  readonly operation: string;
  /** First word of the program's command line; empty for an operation that runs none. */
  readonly program: string;
  /** User who asked for it, as the Manager tells; empty if it does not. */
  readonly requestedBy: string;
}

/** End of a command. */
export interface RecordedEnd {
  readonly state: CommandStateName;
  readonly exitCode?: number;
  readonly signal?: string;
  /** Time between its start and its end, in milliseconds. */
  readonly tookMs?: number;
}

/** Line of the record. Times are milliseconds since 1970, by the clock of the host. */
export type AuditLine =
  & { readonly at: number }
  & (
    | { readonly event: "accepted"; readonly command: RecordedCommand }
    | {
      readonly event: "refused";
      readonly command: RecordedCommand;
      readonly why: string;
    }
    | { readonly event: "started"; readonly command: CommandKey }
    | {
      readonly event: "cancelled";
      readonly command: CommandKey;
      readonly why: string;
    }
    | {
      readonly event: "ended";
      readonly command: RecordedCommand;
      readonly end: RecordedEnd;
    }
    /** Lines before this one could not be written. */
    | { readonly event: "gap"; readonly missing: number }
  );

/** Longest text in a line, in characters. Peers choose these texts. */
const MAX_TEXT = 300;

/** Policy of an agent that takes every command that it can take. */
const DECISIONS: Readonly<Record<string, string>> = {
  accepted: "allowed",
  refused: "refused",
};

/** Encodes a line as JSON, with its newline, and with its link to the line before it. */
export function encodeLine(line: AuditLine, link?: ChainLink): string {
  const { at, event } = line;
  const fields: Record<string, unknown> = {
    at: new Date(at).toISOString(),
    event,
  };
  if (line.event === "gap") fields["missing"] = line.missing;
  else addCommand(fields, line.command);
  if (DECISIONS[event] !== undefined) fields["decision"] = DECISIONS[event];
  if ("why" in line) fields["why"] = line.why.slice(0, MAX_TEXT);
  if ("end" in line) Object.assign(fields, line.end);
  return `${JSON.stringify({ ...fields, ...link })}\n`;
}

function addCommand(
  fields: Record<string, unknown>,
  command: CommandKey | RecordedCommand,
): void {
  fields["id"] = String(command.id);
  fields["nonce"] = command.nonce.toString(16).padStart(16, "0");
  fields["manager"] = command.managerId.slice(0, MAX_TEXT);
  if (!("operation" in command)) return;
  fields["operation"] = command.operation.slice(0, MAX_TEXT);
  fields["program"] = command.program.slice(0, MAX_TEXT);
  fields["requestedBy"] = command.requestedBy.slice(0, MAX_TEXT);
}

/**
 * Decodes a line. Fields that this version does not know are ignored. Returns "unknown" for an event of a later version,
 * and undefined for text that is no line of a record.
 */
export function decodeLine(text: string): AuditLine | "unknown" | undefined {
  const fields = jsonObject(text);
  const at = Date.parse(textOf(fields?.["at"]));
  const event = textOf(fields?.["event"]);
  if (fields === undefined || Number.isNaN(at) || event === "") {
    return undefined;
  }
  if (event === "gap") {
    return { at, event, missing: numberOf(fields["missing"]) ?? 0 };
  }
  const key = keyOf(fields);
  if (key === undefined) return undefined;
  const command = {
    ...key,
    operation: textOf(fields["operation"]),
    program: textOf(fields["program"]),
    requestedBy: textOf(fields["requestedBy"]),
  };
  const why = textOf(fields["why"]);
  switch (event) {
    case "accepted":
      return { at, event, command };
    case "started":
      return { at, event, command: key };
    case "refused":
      return { at, event, command, why };
    case "cancelled":
      return { at, event, command: key, why };
    case "ended":
      return { at, event, command, end: endOf(fields) };
    default:
      return "unknown";
  }
}

type Fields = Readonly<Record<string, unknown>>;

function keyOf(fields: Fields): CommandKey | undefined {
  const id = textOf(fields["id"]);
  const nonce = textOf(fields["nonce"]);
  if (!/^-?\d{1,20}$/.test(id) || !/^[0-9a-f]{1,16}$/.test(nonce)) {
    return undefined;
  }
  return {
    id: BigInt(id),
    nonce: BigInt(`0x${nonce}`),
    managerId: textOf(fields["manager"]),
  };
}

function endOf(fields: Fields): RecordedEnd {
  const exitCode = numberOf(fields["exitCode"]);
  const tookMs = numberOf(fields["tookMs"]);
  const signal = textOf(fields["signal"]);
  return {
    // A state of a later version is shown as it is written.
    state: textOf(fields["state"]) as CommandStateName,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === "" ? {} : { signal }),
    ...(tookMs === undefined ? {} : { tookMs }),
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
