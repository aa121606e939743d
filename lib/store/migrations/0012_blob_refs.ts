/** Adds the blobs that commands name. They are kept as files beside the database. */
export const blobRefs = `
CREATE TABLE blob_refs (
  sha256 TEXT NOT NULL,
  command_id INTEGER NOT NULL REFERENCES commands (id) ON DELETE CASCADE,
  -- A list of files, whose blobs are kept with it.
  is_tree INTEGER NOT NULL,
  PRIMARY KEY (sha256, command_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_refs_by_command ON blob_refs (command_id);
`;
