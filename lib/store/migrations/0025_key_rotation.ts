/** Adds the key that an agent has made to replace its own, and the keys of others that it trusts. */
export const keyRotation = `
-- Good beside public_key until the first hello with it.
ALTER TABLE agents ADD COLUMN next_key BLOB;

-- SHA-256 of the keys of the authorities and Managers that it trusts, in hex digits; null if it has not told.
ALTER TABLE agents ADD COLUMN trust TEXT;
`;
