/** Who asked for a command's end. */
export const cancelledBy = `
ALTER TABLE commands ADD COLUMN cancel_requested_by TEXT NOT NULL DEFAULT '';
`;
