import { CI_FACTS, CI_KINDS } from "../../base/ci_kind.ts";
import { codeOf, messageOf } from "../../base/errors.ts";
import { didYouMean } from "../../base/nearest.ts";
import { HintedError } from "../errors.ts";
import type { Control } from "./services.ts";

/**
 * Waits for an answer about an issuer. If there is none of that name, the nearest name becomes the hint; if claims lack
 * the numbers that it has, the place of the numbers.
 */
export async function withIssuerHint<T>(
  answer: Promise<T>,
  name: string,
  { control, claims }: {
    readonly control: Control;
    readonly claims?: Readonly<Record<string, string>>;
  },
): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const code = codeOf(error);
    if (code !== "NOT_FOUND" && code !== "INVALID_ARGUMENT") throw error;
    const { issuers } = await control.issuers.listIssuers({});
    const names = issuers.map((issuer) => issuer.name);
    const found = issuers.find((issuer) => issuer.name === name);
    const hint = found === undefined
      ? didYouMean(name, names, "piri-manager issuer add adds one")
      : idHint(found.kind, claims);
    if (hint === undefined) throw error;
    throw new HintedError(code, messageOf(error), hint, { cause: error });
  }
}

function idHint(
  kind: string,
  claims: Readonly<Record<string, string>> | undefined,
): string | undefined {
  const known = CI_KINDS.find((each) => each === kind);
  if (known === undefined || claims === undefined) return undefined;
  const { ids, idHint } = CI_FACTS[known];
  return ids.every((id) => Object.hasOwn(claims, id)) ? undefined : idHint;
}
