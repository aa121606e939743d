import { decodeHex } from "@std/encoding/hex";
import { ApprovalState } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type { Approval } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { approvalName } from "../../base/approval_name.ts";
import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type HelpSection } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import {
  approvalJson,
  approvedLine,
  parseApprovalId,
} from "./approval_text.ts";
import { isPlanId, parsePlanId } from "./plan/plan_words.ts";
import { rejectApproval, rejectPlan } from "./plan/reject_plan.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import { answered } from "./ids.ts";

/** Argument that is the id of an approval. */
export const APPROVAL_ID = {
  type: "one",
  summary: "id of the approval: a-7, as piri-manager approval list has it",
} as const;

/** Help about who may decide. */
export const WHO_DECIDES: HelpSection = {
  title: "Who may decide",
  lines: [
    ["not who asked", "also not by another token"],
    ["an operator", "with a rule that allows the job, or the role admin"],
    ["here", "on the Manager's machine, unless it was asked for here"],
  ],
};

/** `approve a-7`: approves a job that waits. */
export const approve = defineSubcommand({
  name: "approve",
  summary: "approve a job that somebody else asked for",
  positionals: { approval: APPROVAL_ID },
  flags: {
    note: { type: "string", value: "TEXT", summary: "note, for people" },
    sha256: {
      type: "string",
      value: "HASH",
      summary:
        "SHA-256 of the statement that was looked at; refused if it has another",
    },
  },
  more: [WHO_DECIDES],
  examples: ["a-7", "a-7 --note 'as agreed in the meeting'"],
  async execute(
    { positionals, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    const id = parseApprovalId(positionals.approval);
    const statementSha256 = hashOf(flags.sha256 ?? "");
    using control = await services.connect(dir);
    const { approval } = await control.approvals.approve({
      id,
      note: flags.note ?? "",
      statementSha256,
      requestedBy: userOf(terminal),
    });
    const now = answered(approval, `approve ${approvalName(id)}`);
    await output.either(approvalJson(now), approvedLine(now));
    return now.state === ApprovalState.REFUSED ? ExitCode.refused : ExitCode.ok;
  },
});

/** `reject a-7 REASON`, `reject p-17 REASON`: ends a job that waits, or all that wait to apply a plan. */
export const reject = defineSubcommand({
  name: "reject",
  summary: "refuse to approve a job that somebody else asked for",
  positionals: {
    approval: {
      type: "one",
      summary:
        "id of the approval: a-7; or of a plan: p-17, for all that wait to apply it",
    },
    reason: { type: "one", summary: "reason, which who asked is told" },
  },
  flags: {},
  more: [WHO_DECIDES],
  examples: ["a-7 'not during the sale'", "p-17 'web-2 is not ready'"],
  async execute(
    { positionals: { approval: word, reason }, dir, output, terminal },
    services: ManagerServices,
  ) {
    const isPlan = isPlanId(word);
    const id = isPlan ? parsePlanId(word) : parseApprovalId(word);
    using control = await services.connect(dir);
    const said = { control, reason, requestedBy: userOf(terminal) };
    const rejected = isPlan
      ? await rejectPlan(id, said)
      : [await rejectApproval(id, said)];
    for (const approval of rejected) {
      await output.either(approvalJson(approval), rejectedLine(approval));
    }
    return ExitCode.ok;
  },
});

/** Line that tells of a rejection. */
export function rejectedLine({ id }: Pick<Approval, "id">): string {
  return `rejected ${approvalName(id)}`;
}

/** Reads the SHA-256 of a flag. Throws INVALID_ARGUMENT. */
export function hashOf(text: string): Uint8Array<ArrayBuffer> {
  if (text === "") return new Uint8Array();
  if (/^[0-9a-fA-F]{64}$/.test(text)) return new Uint8Array(decodeHex(text));
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read the SHA-256 "${text}": it has 64 digits from 0 to f`,
  );
}
