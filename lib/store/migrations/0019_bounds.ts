/** Adds bounds of operators: agents that they see, networks of their tokens, hours of their rules, and the token of a job. */
export const bounds = `
-- Target expression of the agents that an operator sees; all if empty.
ALTER TABLE operators ADD COLUMN see TEXT NOT NULL DEFAULT '';

-- Networks that a token, or the token of a code, is good from; any if empty.
ALTER TABLE operator_tokens ADD COLUMN cidrs TEXT NOT NULL DEFAULT '[]';

-- Hours in which a rule is about anything; always if empty.
ALTER TABLE operator_rules ADD COLUMN within TEXT NOT NULL DEFAULT '';

-- Token of the operator who asked for the job; null for a user of the Manager's machine.
ALTER TABLE jobs ADD COLUMN token_id INTEGER;
`;
