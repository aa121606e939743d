import { codeOf, messageOf } from "../../base/errors.ts";
import { CI_FACTS } from "../../base/ci_kind.ts";
import { didYouMean } from "../../base/nearest.ts";
import { HintedError } from "../errors.ts";
import type { Control } from "./services.ts";

/** Waits for an answer about an issuer. The nearest name, or the place of the numbers that are missing, becomes the hint. */
export async function withIssuerHint<T>(
  answer: Promise<T>,
  name: string,
  control: Control,
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const code = codeOf(error);
    if (code !== "NOT_FOUND" && code !== "INVALID_ARGUMENT") throw error;
    const { issuers } = await control.issuers.listIssuers({});
    const kind = issuers.find((issuer) => issuer.name === name)?.kind;
    const fact = Object.entries(CI_FACTS).find(([each]) => each === kind)?.[1];
    const hint = code === "NOT_FOUND"
      ? didYouMean(
        name,
        issuers.map((issuer) => issuer.name),
        "piri-manager issuer add adds one",
      )
      : fact?.idHint ?? "";
    if (hint === "") throw error;
    throw new HintedError(code, messageOf(error), hint, { cause: error });
  }
}
