import { PiriError } from "./errors.ts";

/** Variable with the token that GitLab puts there, as its `id_tokens` say. */
export const TOKEN_VARIABLE = "PIRI_ID_TOKEN";

/** Surroundings of a job of a CI. */
export interface CiSurroundings {
  readonly env: (name: string) => string | undefined;
  /** Fetches a text with these headers. */
  readonly fetchText: (
    url: string,
    headers: Readonly<Record<string, string>>,
  ) => Promise<string>;
}

/**
 * Token of the CI for the job that this process is a part of: GitHub is asked for one, GitLab has put one into a variable.
 *
 * @throws {PiriError} FAILED_PRECONDITION outside of a CI; UNAVAILABLE if the CI does not give one
 */
export async function ciToken(
  audience: string,
  { env, fetchText }: CiSurroundings,
): Promise<string> {
  const ready = env(TOKEN_VARIABLE)?.trim() ?? "";
  if (ready !== "") return ready;
  const url = env("ACTIONS_ID_TOKEN_REQUEST_URL") ?? "";
  const secret = env("ACTIONS_ID_TOKEN_REQUEST_TOKEN") ?? "";
  if (url === "" || secret === "") {
    throw new PiriError(
      "FAILED_PRECONDITION",
      "Cannot log in as a job of a CI: this process was given no token of one",
    );
  }
  const asked = URL.parse(url);
  asked?.searchParams.set("audience", audience);
  const text = await fetchText(asked?.href ?? url, {
    authorization: `Bearer ${secret}`,
    accept: "application/json; api-version=2.0",
  });
  const token = valueIn(text);
  if (token !== undefined) return token;
  throw new PiriError(
    "UNAVAILABLE",
    "Cannot get a token of the CI: its answer has none",
  );
}

/** Token in GitHub's answer. */
function valueIn(text: string): string | undefined {
  try {
    const { value } = JSON.parse(text);
    return typeof value === "string" && value !== "" ? value : undefined;
  } catch {
    return undefined;
  }
}
