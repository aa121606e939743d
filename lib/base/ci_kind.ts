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
    run: ["run_id", "run_number", "run_attempt"],
    idHint:
      "gh api repos/OWNER/REPOSITORY --jq '.id, .owner.id' prints the numbers",
  },
  gitlab: {
    url: "https://gitlab.com",
    ids: ["project_id", "namespace_id"],
    run: ["pipeline_id", "job_id"],
    idHint:
      "glab api projects/GROUP%2FPROJECT prints the numbers, as id and namespace.id",
  },
  other: { ids: [], run: [], idHint: "" },
};

/** Kind of the CI at a URL; undefined if it is none of the public services. */
export function ciKindAt(url: string): CiKind | undefined {
  return CI_KINDS.find((kind) => {
    const known = CI_FACTS[kind].url;
    return known !== undefined &&
      (url === known || url.startsWith(`${known}/`));
  });
}
