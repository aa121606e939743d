/** Adds the number of places where an agent masked a secret. */
export const masked = `
ALTER TABLE commands ADD COLUMN masked INTEGER NOT NULL DEFAULT 0;
`;
