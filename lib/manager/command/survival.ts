import { PiriError } from "../../base/errors.ts";
import type { RunRequest } from "../api/operator_api.ts";
import type { SecretDesk } from "../secrets/secret_desk.ts";

/** The only operation whose program can outlive the agent. */
const OPERATION = "command.Run";

/**
 * Checks that the program of a request can outlive its agent, if that is asked for.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function checkSurvival(
  { operation, params, survive }: Pick<
    RunRequest,
    "operation" | "params" | "survive"
  >,
  secrets: Pick<SecretDesk, "namesOf"> | undefined,
): void {
  if (!survive) return;
  if (operation !== OPERATION) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot let "${operation}" outlive the agent: only a program, ${OPERATION}, can; leave out --survive`,
    );
  }
  const [secret] = secrets?.namesOf({ operation, params }) ?? [];
  if (secret === undefined) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot let a program with the secret "${secret}" outlive the agent: nobody would mask it in its output while no agent runs; leave out --survive, or the secret`,
  );
}
