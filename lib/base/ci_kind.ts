/** Kind of CI. */
export type CiKind = "github" | "gitlab" | "other";

/** All kinds of CI. */
export const CI_KINDS: readonly CiKind[] = ["github", "gitlab", "other"];

/** Facts about the tokens of a kind of CI. */
export interface CiFacts {
  /** URL of the public service; undefined if there is none. */
  readonly url?: string;
  /** Claims with numbers that nobody can take over, as a name can be. */
  readonly ids: readonly string[];
  /** Claim by which a server of this kind is known, if it tells its claims. */
  readonly mark?: string;
  /** Claims that tell the run. */
  readonly run: readonly string[];
  /** Command or place that tells the numbers. */
  readonly idHint: string;
}

/**
 * Facts about the tokens of each kind of CI.
 *
 * Sources: docs.github.com, "OpenID Connect reference"; docs.gitlab.com, "OpenID Connect (OIDC) Authentication Using ID
 * Tokens".
 */
export const CI_FACTS: Readonly<Record<CiKind, CiFacts>> = {
  github: {
    url: "https://token.actions.githubusercontent.com",
    ids: ["repository_id", "repository_owner_id"],
    mark: "repository_owner_id",
    run: ["run_id", "run_number", "run_attempt"],
    idHint:
      "gh api repos/OWNER/REPOSITORY --jq '.id, .owner.id' prints the numbers",
  },
  gitlab: {
    url: "https://gitlab.com",
    ids: ["project_id", "namespace_id"],
    mark: "project_path",
    run: ["pipeline_id", "job_id"],
    idHint:
      "glab api projects/GROUP%2FPROJECT prints the numbers, as id and namespace.id",
  },
  other: { ids: [], run: [], idHint: "" },
};

/** Path of the tokens of a GitHub Enterprise Server. */
const GITHUB_SERVER = "/_services/token";

/** Kind of the CI at a URL; undefined if the URL does not tell. */
export function ciKindAt(url: string): CiKind | undefined {
  if (url.endsWith(GITHUB_SERVER)) return "github";
  return CI_KINDS.find((kind) => {
    const known = CI_FACTS[kind].url;
    return known !== undefined &&
      (url === known || url.startsWith(`${known}/`));
  });
}

/** Kind of a CI whose tokens may have these claims; undefined if they do not tell. */
export function ciKindBy(claims: readonly string[]): CiKind | undefined {
  return CI_KINDS.find((kind) => {
    const { mark } = CI_FACTS[kind];
    return mark !== undefined && claims.includes(mark);
  });
}
