import type { CommandStateName } from "../../base/command_state.ts";
import type { AuditLine, CommandKey, RecordedCommand } from "./audit_line.ts";

/** Command as the host's own record tells it. Times are milliseconds since 1970, by the clock of the host. */
export interface HostCommand extends RecordedCommand {
  readonly state: "accepted" | CommandStateName;
  /** Reason of a refusal or an early end; empty if there is none. */
  readonly why: string;
  readonly acceptedAt: number | undefined;
  readonly startedAt: number | undefined;
  readonly cancelledAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly tookMs: number | undefined;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
}

type Draft = { -readonly [Field in keyof HostCommand]: HostCommand[Field] };

/** Makes the commands of a record out of its lines, in the order in which the host got them. */
export function hostCommands(lines: readonly AuditLine[]): HostCommand[] {
  const commands: Draft[] = [];
  const newest = new Map<string, Draft>();
  const begin = (key: CommandKey): Draft => {
    const draft = draftOf(key);
    commands.push(draft);
    newest.set(nameOf(key), draft);
    return draft;
  };
  for (const line of lines) {
    if (line.event === "gap") continue;
    const known = newest.get(nameOf(line.command));
    // Ids of a legacy Manager repeat. The first lines of an old command may be gone.
    const isNew = known === undefined || line.event === "accepted" ||
      (line.event === "refused" && known.finishedAt !== undefined);
    apply(isNew ? begin(line.command) : known, line);
  }
  return commands;
}

function apply(
  draft: Draft,
  line: Exclude<AuditLine, { readonly event: "gap" }>,
): void {
  const { at } = line;
  switch (line.event) {
    case "accepted":
      Object.assign(draft, line.command, { acceptedAt: at });
      break;
    case "started":
      draft.startedAt = at;
      draft.state = "running";
      break;
    case "cancelled":
      draft.cancelledAt = at;
      draft.why = line.why;
      break;
    case "refused":
      Object.assign(draft, line.command);
      draft.state = "refused";
      draft.why = line.why;
      draft.finishedAt = at;
      break;
    case "ended":
      Object.assign(draft, line.command, line.end, { finishedAt: at });
  }
}

function nameOf({ managerId, id, nonce }: CommandKey): string {
  return `${managerId}/${id}/${nonce}`;
}

function draftOf({ id, nonce, managerId }: CommandKey): Draft {
  return {
    id,
    nonce,
    managerId,
    operation: "",
    program: "",
    requestedBy: "",
    state: "accepted",
    why: "",
    acceptedAt: undefined,
    startedAt: undefined,
    cancelledAt: undefined,
    finishedAt: undefined,
    tookMs: undefined,
    exitCode: undefined,
    signal: undefined,
  };
}
