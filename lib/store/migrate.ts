import { PiriError } from "../base/errors.ts";
import type { Database } from "./database.ts";
import { first } from "./migrations/0001_first.ts";
import { rerun } from "./migrations/0002_rerun.ts";
import { finished } from "./migrations/0003_finished.ts";
import { cancelledBy } from "./migrations/0004_cancelled_by.ts";
import { endedBadly } from "./migrations/0005_ended_badly.ts";
import { givenUp } from "./migrations/0006_given_up.ts";
import { tombstones } from "./migrations/0007_tombstones.ts";
import { progressAt } from "./migrations/0008_progress_at.ts";
import { saidBy } from "./migrations/0009_said_by.ts";
import { jobs } from "./migrations/0010_jobs.ts";
import { setAgents } from "./migrations/0011_set_agents.ts";
import { blobRefs } from "./migrations/0012_blob_refs.ts";
import { outputHashes } from "./migrations/0013_output_hashes.ts";
import { audit } from "./migrations/0014_audit.ts";
import { operators } from "./migrations/0015_operators.ts";
import { agentKeys } from "./migrations/0016_agent_keys.ts";
import { enrolment } from "./migrations/0017_enrolment.ts";
import { issuers } from "./migrations/0018_issuers.ts";
import { bounds } from "./migrations/0019_bounds.ts";
import { masked } from "./migrations/0020_masked.ts";
import { commandsByJob } from "./migrations/0021_commands_by_job.ts";
import { webhooks } from "./migrations/0022_webhooks.ts";
import { agentAliases } from "./migrations/0023_agent_aliases.ts";
import { approvals } from "./migrations/0024_approvals.ts";
import { keyRotation } from "./migrations/0025_key_rotation.ts";
import { checkpoints } from "./migrations/0026_checkpoints.ts";
import { signedWork } from "./migrations/0027_signed_work.ts";
import { plans } from "./migrations/0029_plans.ts";
import { drift } from "./migrations/0033_drift.ts";
import { planBounds } from "./migrations/0034_plan_bounds.ts";
import { survive } from "./migrations/0036_survive.ts";
import { agentCommands } from "./migrations/0037_agent_commands.ts";
import { driftUntold } from "./migrations/0038_drift_untold.ts";
import { stepPlaces } from "./migrations/0039_step_places.ts";
import { usedFacts } from "./migrations/0040_used_facts.ts";
import { outputSegments } from "./migrations/0041_output_segments.ts";

/** "Piri" in ASCII: marks a database as ours. */
const APPLICATION_ID = 0x50697269n;

/** SQL that takes a database from each version to the next. Entries are only ever added. */
export const MIGRATIONS: readonly string[] = [
  first,
  rerun,
  finished,
  cancelledBy,
  endedBadly,
  givenUp,
  tombstones,
  progressAt,
  saidBy,
  jobs,
  setAgents,
  blobRefs,
  outputHashes,
  audit,
  operators,
  agentKeys,
  enrolment,
  issuers,
  bounds,
  masked,
  commandsByJob,
  webhooks,
  agentAliases,
  approvals,
  keyRotation,
  checkpoints,
  signedWork,
  plans,
  drift,
  planBounds,
  survive,
  agentCommands,
  driftUntold,
  stepPlaces,
  usedFacts,
  outputSegments,
];

/**
 * Brings a database to the newest schema, or creates it. It is done completely or not at all: a version in between would
 * be copied at the next start, in the place of the copy that leads back to the program before.
 *
 * @throws {PiriError} CORRUPT if it is not ours, or from a newer Manager; then nothing has been changed.
 */
export function migrate(
  db: Database,
  path: string,
  migrations: readonly string[] = MIGRATIONS,
): void {
  const version = versionOf(db);
  const fresh = isFresh(db);
  if (!fresh && !isOurs(db)) {
    throw new PiriError(
      "CORRUPT",
      `Cannot open "${path}": it is not a Manager's database`,
    );
  }
  if (version > migrations.length) {
    throw new PiriError(
      "CORRUPT",
      `Cannot open "${path}": a newer Manager has used it (its schema is version ${version}, ` +
        `this Manager knows versions up to ${migrations.length})`,
    );
  }
  // This setting cannot be changed once there is a table.
  if (fresh) db.get("PRAGMA auto_vacuum = INCREMENTAL");
  if (version < migrations.length) {
    change(db, migrations.slice(version), migrations.length);
  }
}

/** Version of the schema of a Manager's database, if this program knows later ones. */
export function olderVersion(db: Database): number | undefined {
  const version = versionOfOurs(db);
  const isOlder = version !== undefined && version < MIGRATIONS.length;
  return isOlder ? version : undefined;
}

/** Version of the schema of a Manager's database; undefined if it is none. */
export function versionOfOurs(db: Database): number | undefined {
  return isOurs(db) ? versionOf(db) : undefined;
}

function versionOf(db: Database): number {
  return Number(db.get("PRAGMA user_version")?.["user_version"]);
}

function isOurs(db: Database): boolean {
  return db.get("PRAGMA application_id")?.["application_id"] === APPLICATION_ID;
}

function change(
  db: Database,
  steps: readonly string[],
  version: number,
): void {
  db.script("BEGIN IMMEDIATE");
  try {
    for (const sql of steps) db.script(sql);
    db.script(`PRAGMA application_id = ${APPLICATION_ID}`);
    db.script(`PRAGMA user_version = ${version}`);
    db.script("COMMIT");
  } catch (error) {
    if (db.inTransaction) db.script("ROLLBACK");
    throw error;
  }
}

function isFresh(db: Database): boolean {
  return db.get("SELECT 1 FROM sqlite_schema LIMIT 1") === undefined;
}
