/** Lets large pieces of output be in files beside the database: lib/store/segments.ts. */
export const outputSegments = `
-- Number of the file that has the bytes, and their first byte in it; NULL if they are in the row itself.
ALTER TABLE output ADD COLUMN segment INTEGER;
ALTER TABLE output ADD COLUMN place INTEGER;
-- Count of the bytes, if they are in a file.
ALTER TABLE output ADD COLUMN size INTEGER;
CREATE INDEX output_by_segment ON output (segment, place, size) WHERE segment IS NOT NULL;
`;
