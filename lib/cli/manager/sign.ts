import { encodeHex } from "@std/encoding/hex";
import { ApprovalState } from "../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Approval,
  SignedWork,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { approvalName } from "../../base/approval_name.ts";
import { PiriError } from "../../base/errors.ts";
import { sha256 } from "../../base/sha256.ts";
import { decodeSignedWork, signerText } from "../../base/signed_work.ts";
import { defineSubcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { localTime } from "../time.ts";
import {
  approvalJson,
  approvalStateName,
  parseApprovalId,
  signaturesText,
  votesText,
} from "./approval_text.ts";
import { hashOf } from "./approve.ts";
import { answered } from "./ids.ts";
import { signedJson } from "./json_values.ts";
import { readOperatorKey } from "./operator_key.ts";
import { exactRequestText } from "./request_text.ts";
import type { Control, ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import { typedId } from "./typed_id.ts";

/** `sign a-7`: signs a job that waits for signatures. */
export const sign = defineSubcommand({
  name: "sign",
  summary: "sign a job that waits for signatures, with your own key",
  positionals: {
    approval: {
      type: "one",
      summary: "id of what waits, a-7; with --show also of a job, j-17",
    },
  },
  flags: {
    show: {
      type: "boolean",
      summary: "print exactly what would be signed, and sign nothing",
    },
    sha256: {
      type: "string",
      value: "HASH",
      summary:
        "SHA-256 of what --show printed; refused if it is something else now",
    },
    "sign-with": {
      type: "string",
      value: "FILE",
      summary: "file with your key (default: that of piri-manager key make)",
    },
  },
  more: [{
    title: "Signatures",
    lines: [
      ["who asked", "signs with run --sign, and needs no second signature"],
      ["anybody else", "approves by signing, too"],
      ["hosts", "have the keys in policy.yaml, and count them themselves"],
    ],
  }],
  examples: ["a-7 --show", "a-7"],
  async execute(
    { positionals, flags, dir, json, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const { name, signed, approval } = await find(
      positionals.approval,
      control,
    );
    if (signed === undefined) {
      throw new HintedError(
        "FAILED_PRECONDITION",
        `Cannot sign ${name}: there is nothing to sign, as it was not asked for with run --sign`,
        approval === undefined
          ? "run --sign --signatures 2 waits for a second signature"
          : `piri-manager approve ${name} approves it`,
      );
    }
    if (flags.show) {
      if (json) await output.value(signedJson(signed));
      else await output.facts(signedFacts(name, signed));
      return ExitCode.ok;
    }
    if (approval === undefined) {
      throw new HintedError(
        "FAILED_PRECONDITION",
        `Cannot sign ${name}: it is released, and signatures are added before that`,
        "run --sign --signatures 2 waits for a second one",
      );
    }
    const statement = new TextEncoder().encode(signed.statement);
    // Nothing but such a statement is ever signed, whatever the Manager says.
    decodeSignedWork(statement);
    requireHash(statement, { name, wanted: flags.sha256 });
    const { key } = await readOperatorKey(terminal, flags["sign-with"]);
    await output.note(`signing ${workLine(signed)}`);
    const answer = await control.approvals.sign({
      id: approval.id,
      key: signerText(key.publicKey),
      signature: key.sign(statement),
      requestedBy: userOf(terminal),
    });
    const now = answered(answer.approval, `sign ${name}`);
    await output.either(
      approvalJson(now),
      `signed ${name}: ${outcomeText(now)}`,
    );
    return now.state === ApprovalState.REFUSED ? ExitCode.refused : ExitCode.ok;
  },
});

/** A job that waits, or one that is released. */
async function find(
  id: string,
  control: Control,
): Promise<{
  readonly name: string;
  readonly signed: SignedWork | undefined;
  readonly approval: Approval | undefined;
}> {
  const typed = typedId(id);
  if (typed?.kind === "job") {
    const jobId = typed.id;
    const job = answered((await control.jobs.getJob({ jobId })).job, "sign");
    return { name: id, signed: job.signed, approval: undefined };
  }
  const approvalId = parseApprovalId(id);
  const answer = await control.approvals.getApproval({ id: approvalId });
  const approval = answered(answer.approval, "sign");
  return { name: approvalName(approvalId), signed: approval.signed, approval };
}

function requireHash(
  statement: Uint8Array,
  { name, wanted }: {
    readonly name: string;
    readonly wanted: string | undefined;
  },
): void {
  if (wanted === undefined) return;
  const found = encodeHex(sha256(statement));
  if (encodeHex(hashOf(wanted)) === found) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot sign ${name}: the SHA-256 of its statement is ${found}, not ${wanted}`,
  );
}

/** Facts of a statement, by its own words. */
function signedFacts(
  name: string,
  signed: SignedWork,
): Record<string, string> {
  const bytes = new TextEncoder().encode(signed.statement);
  const { id, operation, params, targets, notBefore, notAfter } =
    decodeSignedWork(bytes);
  return {
    signs: name,
    operation,
    runs: exactRequestText({ operation, params: JSON.stringify(params) }),
    on: targets.join(" "),
    from: localTime(notBefore),
    until: localTime(notAfter),
    id,
    signatures: signaturesText(signed),
    ...Object.fromEntries(
      signed.signatures.map(({ by, key }, index) => [
        `signature ${index + 1}`,
        `${key}, from ${by}`,
      ]),
    ),
    statement: signed.statement,
    sha256: encodeHex(sha256(bytes)),
  };
}

function workLine({ statement }: SignedWork): string {
  const { operation, params, targets, notAfter } = decodeSignedWork(
    new TextEncoder().encode(statement),
  );
  const work = exactRequestText({ operation, params: JSON.stringify(params) });
  return `${work} on ${targets.join(" ")}, until ${localTime(notAfter)}`;
}

function outcomeText(approval: Approval): string {
  const { jobId, signed } = approval;
  if (approval.state === ApprovalState.WAITING) {
    const approved = approval.needed > 0
      ? `, and ${votesText(approval)} approvals`
      : "";
    return `${signed === undefined ? "" : signaturesText(signed)}${approved}`;
  }
  return jobId === undefined
    ? `it is ${approvalStateName(approval)}: ${approval.reason}`
    : `it has become job j-${jobId}`;
}
