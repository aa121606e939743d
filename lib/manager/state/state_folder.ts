import { basename } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import {
  exists,
  readFile,
  readIfThere,
  readPrivateFile,
  requirePrivate,
  writeFileAtomically,
} from "../../base/files.ts";
import { decodePem, type Identity } from "../../base/pem.ts";
import { requirePrivateFolder } from "../../base/private_folder.ts";
import type { Random } from "../../base/random.ts";
import { newSigningKey } from "../../base/signing_key.ts";
import { type ManagerConfig, parseManagerConfig } from "./config.ts";
import { identityOf, type ServerIdentity } from "./server_identity.ts";
import { ownKeys, type StatePaths, statePaths } from "./state_paths.ts";

/** Contents of a state folder that a serving Manager needs. The authority's key stays on the disk. */
export interface ManagerState {
  readonly paths: StatePaths;
  readonly config: ManagerConfig;
  /** Certificate of the authority, DER. It is part of every join token. */
  readonly caCertificate: Uint8Array<ArrayBuffer>;
  readonly server: ServerIdentity;
  /** Key by which the Manager proves itself, PKCS#8 PEM; undefined if there is none yet. */
  readonly managerKeyPem: string | undefined;
  /** The authority of a Manager whose state is in memory only; absent if it is on the disk. */
  readonly authority?: Identity;
}

/**
 * Reads a state folder that `initState` has made.
 *
 * @param anyOwnerForRoot True if root may read the folder of any user.
 * @throws {PiriError} FAILED_PRECONDITION if there is none; DENIED if others may read a key or write to the folder, or
 * own one of them; INVALID_ARGUMENT for a mistake in config.yaml; CORRUPT.
 */
export async function loadState(
  dir: string,
  options: { readonly anyOwnerForRoot?: boolean } = {},
): Promise<ManagerState> {
  const paths = statePaths(dir);
  await requireInitialised(paths);
  await requireKeys(paths);
  const config = await readConfig(paths);
  requirePrivateFolder(dir, options);
  // The authority's may be kept elsewhere, and that of secrets is made at its first use.
  for (const key of [paths.caKey, paths.nextCaKey, paths.secretsKey]) {
    if (await exists(key)) await requirePrivate(key);
  }
  const keyPem = await readPrivateFile(paths.serverKey);
  const certPem = await readFile(paths.serverCert);
  return {
    paths,
    config,
    caCertificate: decodePem("CERTIFICATE", await readFile(paths.caCert)),
    server: identityOf(certPem, keyPem),
    managerKeyPem: await exists(paths.managerKey)
      ? await readPrivateFile(paths.managerKey)
      : undefined,
  };
}

/**
 * Makes the Manager's key in a state folder of a version that knew none.
 *
 * @returns the state with a key
 * @throws {PiriError} DISK, DENIED
 */
export async function withManagerKey(
  state: ManagerState,
  random: Random,
): Promise<ManagerState> {
  if (state.managerKeyPem !== undefined) return state;
  const managerKeyPem = newSigningKey(random);
  await writeFileAtomically(state.paths.managerKey, managerKeyPem, { random });
  return { ...state, managerKeyPem };
}

/**
 * Reads config.yaml, also when a Manager runs on it.
 *
 * @throws {PiriError} INVALID_ARGUMENT for a mistake in it; NOT_FOUND, DENIED, DISK
 */
export async function readConfig(
  { config }: Pick<StatePaths, "config">,
): Promise<ManagerConfig> {
  return await parseManagerConfig(await readFile(config), config);
}

/** Requires the keys that a backup left out: a Manager would make others, which no agent trusts and no secret is for. */
async function requireKeys(paths: StatePaths): Promise<void> {
  const text = await readIfThere(paths.keysLeftOut);
  if (text === undefined) return;
  const listed = new Set(text.split("\n"));
  const missing: string[] = [];
  for (const path of ownKeys(paths)) {
    const name = basename(path);
    if (listed.has(name) && !await exists(path)) missing.push(name);
  }
  if (missing.length === 0) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot use "${paths.dir}": it is a backup without ${
      missing.join(", ")
    }; put them into it from where you keep them`,
  );
}

async function requireInitialised(paths: StatePaths): Promise<void> {
  if (await exists(paths.config)) return;
  const reason = await exists(paths.unfinished)
    ? "its initialisation did not finish; run piri-manager init again"
    : "it is not a Manager's state folder; run piri-manager init first";
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot use "${paths.dir}": ${reason}`,
  );
}
