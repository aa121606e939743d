import type { Command } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { GuardBounds } from "../../operations/guard.ts";
import type { Dialect } from "../../wire/dialect.ts";
import type { Decision } from "../policy/decide.ts";
import type { PolicyGate } from "../policy/policy_gate.ts";
import type { UsedStatement } from "../policy/signatures.ts";
import { jobOf } from "./command_facts.ts";

/** Decision of the policy about a command. */
export interface Judged {
  /** Sentence for the Manager; undefined if the command is allowed. */
  readonly refusal?: string | undefined;
  /** Sentence for the host's own record, which has no arguments. */
  readonly recorded: string;
  /** Bounds in the host's files. */
  readonly bounds?: GuardBounds | undefined;
  /** Statement that the command uses up. */
  readonly used?: UsedStatement | undefined;
}

/** Asks the policy about a command. Never throws or rejects. */
export function judge(
  policy: Pick<PolicyGate, "judge">,
  command: Command,
  { dialect, now }: {
    readonly dialect: Pick<Dialect, "hasPositionalParams">;
    readonly now: number;
  },
): Judged | Promise<Judged> {
  const { statement, signatures, survive } = command;
  const asked = {
    ...jobToJudge(command, dialect),
    survive,
    signed: { statement, signatures },
  };
  const decision = policy.judge(asked, now);
  return "then" in decision ? decision.then(judgedBy) : judgedBy(decision);
}

function judgedBy({ refusal, rule, bounds, used }: Decision): Judged {
  return { refusal, bounds, used, recorded: `the policy refuses it: ${rule}` };
}

/** Operation and parameters for the policy. Those that cannot be translated are judged as they came, and fail later if they are allowed. */
function jobToJudge(
  command: Command,
  dialect: Pick<Dialect, "hasPositionalParams">,
): { operation: string; params: string } {
  try {
    return jobOf(command, dialect);
  } catch {
    return { operation: command.type, params: command.data };
  }
}
