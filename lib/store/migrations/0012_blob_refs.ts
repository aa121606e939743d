/** Adds the blobs that commands and jobs name. They are kept as files beside the database. */
export const blobRefs = `
CREATE TABLE blob_refs (
  sha256 TEXT NOT NULL,
  command_id INTEGER NOT NULL REFERENCES commands (id) ON DELETE CASCADE,
  -- A list of files, whose blobs are kept with it.
  is_tree INTEGER NOT NULL,
  PRIMARY KEY (sha256, command_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_refs_by_command ON blob_refs (command_id);

-- The commands of a job are kept no longer than the job.
CREATE TABLE job_blobs (
  sha256 TEXT NOT NULL,
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  is_tree INTEGER NOT NULL,
  PRIMARY KEY (sha256, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_blobs_by_job ON job_blobs (job_id);
`;
