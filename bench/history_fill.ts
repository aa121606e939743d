import { DatabaseSync } from "node:sqlite";

/** Number of agents that share the history, whatever its length. */
const AGENTS = 10;

/** Time from one command to the next, in milliseconds. A million commands are still within the retention period. */
const STEP_MS = 1_000;

/**
 * Writes ended commands into the database of a Manager that does not run, as if it had run them: of a hundred, 89
 * succeeded, 10 failed and one timed out.
 */
export function fillHistory(
  path: string,
  { commands, now }: { commands: number; now: number },
): void {
  using db = new DatabaseSync(path);
  db.exec("BEGIN");
  // The agents take turns, and each has the same share of every state.
  db.prepare(`
    WITH RECURSIVE numbers (n) AS (
      SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :commands
    )
    INSERT INTO commands (
      agent, operation, params, nonce, job, requested_by, on_disconnect, state, instance, session,
      created_at, sent_at, started_at, finished_at, agent_started_at, agent_finished_at, exit_code
    )
    SELECT
      printf('web-%d', n % :agents), 'command.Run', '{"argv":["systemctl","is-active","nginx"]}',
      n, printf('job-%d', n / :agents), 'bench', 'continue',
      CASE
        WHEN n / :agents % 100 < 89 THEN 'succeeded'
        WHEN n / :agents % 100 < 99 THEN 'failed'
        ELSE 'timed_out'
      END,
      '00112233445566778899aabbccddeeff', 1, at, at + 1, at + 2, at + 30, at + 2, at + 29,
      CASE WHEN n / :agents % 100 < 89 THEN 0 WHEN n / :agents % 100 < 99 THEN 3 END
    FROM (SELECT n, :now - (:commands - n) * :step AS at FROM numbers)
  `).run({
    commands,
    agents: AGENTS,
    now: Math.trunc(now),
    step: STEP_MS,
  });
  db.exec(
    "INSERT INTO agent_commands (agent, id) SELECT agent, id FROM commands ORDER BY agent, id",
  );
  db.exec("UPDATE meta SET listed_to = (SELECT max(id) FROM commands)");
  db.prepare("UPDATE meta SET commands_total = ?").run(commands);
  db.exec("COMMIT");
}
