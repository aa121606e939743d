/** Adds issuers of tokens of CI jobs, operators who log in by such tokens, and the tokens that were taken already. */
export const issuers = `
CREATE TABLE issuers (
  name TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  url TEXT NOT NULL UNIQUE,
  -- Its keys as JSON, if they were given; otherwise they are fetched.
  jwks TEXT,
  -- PEM of the authority of its certificate, if it is a private one.
  ca TEXT,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE ci_operators (
  operator TEXT PRIMARY KEY REFERENCES operators (name) ON DELETE CASCADE,
  issuer TEXT NOT NULL REFERENCES issuers (name),
  claims TEXT NOT NULL,
  life_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A token of a CI is good once. Its hash is kept for as long as it would be good, whether or not its issuer stays.
CREATE TABLE spent_ci_tokens (
  hash BLOB PRIMARY KEY,
  good_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Run of the CI that a token was made for.
ALTER TABLE operator_tokens ADD COLUMN run TEXT NOT NULL DEFAULT '';
`;
