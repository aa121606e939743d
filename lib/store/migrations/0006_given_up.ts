/** Adds the user who gave a command up, and when: such a command must not begin any more. */
export const givenUp = `
ALTER TABLE commands ADD COLUMN given_up_at INTEGER;
ALTER TABLE commands ADD COLUMN given_up_by TEXT NOT NULL DEFAULT '';
`;
