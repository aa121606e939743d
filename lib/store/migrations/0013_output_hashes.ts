/** Adds the hash of each stream, and the time at which each piece of output came. */
export const outputHashes = `
ALTER TABLE commands ADD COLUMN stdout_sha256 BLOB;
ALTER TABLE commands ADD COLUMN stderr_sha256 BLOB;
ALTER TABLE commands ADD COLUMN hash_of_kept INTEGER NOT NULL DEFAULT 0;
ALTER TABLE output ADD COLUMN at INTEGER;
`;
