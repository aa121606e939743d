import { readFile } from "./base/files.ts";
import {
  authorityOf,
  requireAuthorityKey,
} from "./manager/state/authority_key.ts";
import {
  type ManagerConfig,
  newConfigText,
  parseManagerConfig,
} from "./manager/state/config.ts";
import { loadState, type ManagerState } from "./manager/state/state_folder.ts";
import { identityOf } from "./manager/state/server_identity.ts";
import { statePaths } from "./manager/state/state_paths.ts";
import { decodeState, encodeState } from "./manager/state/state_text.ts";
import { decodePem } from "./base/pem.ts";
import { readIdentity, type StoredIdentity } from "./store/identity.ts";

/** Output kept of one command, in bytes: it is in memory, and shown as it comes. */
const OUTPUT_BYTES_PER_COMMAND = 8 * 1_048_576;

/** State of a Manager as a text. */
export interface ExportedManager {
  /** One word. It is a secret. */
  readonly text: string;
  /** Number of agents that have joined, whose proofs are in the text. */
  readonly joined: number;
  /** Names of entries that have not joined: they cannot join by the text, because it has no join tokens. */
  readonly notJoined: readonly string[];
}

/**
 * Reads the identity of the Manager of a state folder, also while it runs. Its history, data and files stay.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the folder is not initialised or its database has another version; DENIED,
 * CORRUPT, DISK
 */
export async function exportManager(
  dir: string,
  { withFacts, authorityKey }: {
    /** False to leave out the facts that agents told: target expressions know them once an agent is connected. */
    readonly withFacts: boolean;
    /** Key of the authority, PEM, if it is not in the folder. */
    readonly authorityKey?: string | undefined;
  },
): Promise<ExportedManager> {
  const { paths, config, server, managerKeyPem } = await loadState(dir, {
    anyOwnerForRoot: true,
  });
  const found = await readIdentity(paths.database);
  const identity = withFacts ? found : {
    ...found,
    agents: found.agents.map((agent) => ({ ...agent, facts: {} })),
  };
  const text = encodeState({
    ca: authorityOf(
      await readFile(paths.caCert),
      authorityKey ??
        await requireAuthorityKey(paths, "give it by --ca-key FILE"),
    ),
    server: { certPem: server.certPem, keyPem: server.keyPem },
    managerKeyPem,
    listen: config.listen,
    advertise: config.advertise,
    identity,
  });
  const notJoined = identity.agents
    .filter(({ secretHash }) => secretHash === null);
  return {
    text,
    joined: identity.agents.length - notJoined.length,
    notJoined: notJoined.map(({ id }) => id),
  };
}

/** State of an exported Manager, none of which is on a disk. */
export interface ImportedManager {
  readonly state: ManagerState;
  /** Content of its database. */
  readonly identity: StoredIdentity;
}

/**
 * Reads what `exportManager` wrote. The state names a folder for the control API, and nothing of it is in there.
 *
 * @throws {PiriError} INVALID_ARGUMENT for a text that cannot be read
 */
export async function importManager(
  text: string,
  dir: string,
): Promise<ImportedManager> {
  const { ca, server, managerKeyPem, identity, ...addresses } = decodeState(
    text,
  );
  return {
    state: {
      paths: { ...statePaths(dir), database: ":memory:" },
      config: await configOf(addresses),
      caCertificate: decodePem("CERTIFICATE", ca.certPem),
      server: identityOf(server.certPem, server.keyPem),
      managerKeyPem,
      authority: ca,
    },
    identity,
  };
}

async function configOf(
  addresses: Pick<ManagerConfig, "listen" | "advertise">,
): Promise<ManagerConfig> {
  const config = await parseManagerConfig(newConfigText(addresses), "");
  return { ...config, outputBytesPerCommand: OUTPUT_BYTES_PER_COMMAND };
}
