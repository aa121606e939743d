/** Adds the commands and jobs whose programs outlive their agents. */
export const survive = `
ALTER TABLE commands ADD COLUMN survive INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN survive INTEGER NOT NULL DEFAULT 0;
`;
