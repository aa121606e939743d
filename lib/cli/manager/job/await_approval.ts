import { ApprovalState } from "../../../../proto/gen/piri/control/v1/control_enums.ts";
import type {
  Approval,
  Job,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { approvalName } from "../../../base/approval_name.ts";
import { Disconnected, messageOf, PiriError } from "../../../base/errors.ts";
import { ExitError, HintedError } from "../../errors.ts";
import { ExitCode } from "../../exit_code.ts";
import type { Output } from "../../output.ts";
import {
  approvalJson,
  approvalStateName,
  waitingLine,
} from "../approval_text.ts";
import type { Cancellable, Patience } from "../patience.ts";
import type { RetryingClient } from "../retrying_client.ts";
import { answered } from "../ids.ts";

/** Parts that waiting for approvals needs. */
export interface WaitingParts {
  readonly client: RetryingClient;
  readonly patience: Patience;
  readonly output: Output;
}

/** Prints the id of an approval that nobody waits for. Returns the exit code. */
export async function tellApproval(
  approval: Approval,
  output: Output,
): Promise<number> {
  await output.note(waitingLine(approval));
  await output.either(approvalJson(approval), approvalName(approval.id));
  return ExitCode.ok;
}

/**
 * Waits until others have approved, and returns the job. A signal withdraws it.
 *
 * @throws {PiriError} REFUSED if it was not approved; CANCELLED if it was withdrawn
 */
export async function jobOfApproval(
  approval: Approval,
  { client, patience, output }: WaitingParts,
): Promise<Job> {
  const { id } = approval;
  const { signal } = patience;
  const failure = (fact: string) =>
    new HintedError(
      "UNAVAILABLE",
      `Cannot tell what has become of ${approvalName(id)}: ${fact}`,
      `piri-manager approval show ${approvalName(id)}`,
    );
  patience.cancels(withdrawal(id, client, (text) => output.note(text)));
  let last = approval;
  if (last.state === ApprovalState.WAITING) {
    await output.note(waitingLine(last));
    await client.call(async ({ approvals }, { signal, alive }) => {
      for await (const news of approvals.watchApproval({ id }, { signal })) {
        alive();
        const before = last;
        last = answered(news.approval, "wait for an approval");
        const isNews = last.state === ApprovalState.WAITING &&
          waitingLine(last) !== waitingLine(before);
        if (isNews) await output.note(waitingLine(last));
      }
      if (last.state === ApprovalState.WAITING) {
        throw new Disconnected("Cannot wait: the Manager ended the answer");
      }
    }, { signal, failure });
  }
  const { jobId } = last;
  if (jobId === undefined) throw endOf(last);
  const by = last.approvals.map(({ by }) => by).join(", ");
  const how = by === "" ? "has its signatures" : `is approved by ${by}`;
  await output.note(`${approvalName(id)} ${how}: job j-${jobId}`);
  const { job } = await client.call(
    ({ jobs }, { signal }) => jobs.getJob({ jobId }, { signal }),
    { signal, failure },
  );
  if (job !== undefined) return job;
  throw failure("the Manager's answer is empty");
}

/** Error for an approval that ended without a job. */
function endOf(approval: Approval): Error {
  const name = approvalName(approval.id);
  if (approval.state === ApprovalState.WITHDRAWN) {
    return new ExitError(
      new PiriError(
        "CANCELLED",
        `Cannot run it: ${name} is ${approval.reason}`,
      ),
      ExitCode.cancelled,
    );
  }
  return new PiriError(
    "REFUSED",
    `Cannot run it: ${name} is ${
      approvalStateName(approval)
    }: ${approval.reason}`,
  );
}

/** Withdraws an approval once a signal asks for it. */
function withdrawal(
  id: bigint,
  client: RetryingClient,
  note: (text: string) => Promise<void>,
): Cancellable {
  let requested = false;
  const name = approvalName(id);
  return {
    subject: `approval ${name}`,
    watchLine: `piri-manager approval show ${name}`,
    get cancelRequested() {
      return requested;
    },
    async cancel(requestedBy, { signal }) {
      try {
        await client.call(
          ({ approvals }, { signal }) =>
            approvals.withdraw({ id, requestedBy }, { signal }),
          {
            signal,
            failure: (fact) =>
              new PiriError("UNAVAILABLE", `Cannot withdraw ${name}: ${fact}`),
          },
        );
        requested = true;
      } catch (error) {
        if (!signal.aborted) await note(messageOf(error)).catch(() => {});
      }
    },
  };
}
