import { decodeHex } from "@std/encoding/hex";
import { ApprovalState } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { approvalName } from "../../base/approval_name.ts";
import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type HelpSection } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import {
  approvalJson,
  approvedLine,
  parseApprovalId,
} from "./approval_text.ts";
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

/** `reject a-7 REASON`: ends a job that waits. */
export const reject = defineSubcommand({
  name: "reject",
  summary: "refuse to approve a job that somebody else asked for",
  positionals: {
    approval: APPROVAL_ID,
    reason: { type: "one", summary: "reason, which who asked is told" },
  },
  flags: {},
  more: [WHO_DECIDES],
  examples: ["a-7 'not during the sale'"],
  async execute(
    { positionals: { approval: word, reason }, dir, output, terminal },
    services: ManagerServices,
  ) {
    const id = parseApprovalId(word);
    using control = await services.connect(dir);
    const { approval } = await control.approvals.reject({
      id,
      reason,
      requestedBy: userOf(terminal),
    });
    const now = answered(approval, `reject ${approvalName(id)}`);
    await output.either(approvalJson(now), `rejected ${approvalName(id)}`);
    return ExitCode.ok;
  },
});

/** Reads the SHA-256 of a flag. Throws INVALID_ARGUMENT. */
export function hashOf(text: string): Uint8Array<ArrayBuffer> {
  if (text === "") return new Uint8Array();
  if (/^[0-9a-fA-F]{64}$/.test(text)) return new Uint8Array(decodeHex(text));
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read the SHA-256 "${text}": it has 64 digits from 0 to f`,
  );
}
