import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import {
  exists,
  readFile,
  readPrivateFile,
  requirePrivate,
  writeFileAtomically,
} from "../../base/files.ts";
import { decodePem, type Identity } from "../../base/pem.ts";
import { requirePrivateFolder } from "../../base/private_folder.ts";
import type { Random } from "../../base/random.ts";
import { newSigningKey } from "../../base/signing_key.ts";
import {
  certificateExpiry,
  certificateNames,
  RENEW_BEFORE_MS,
  renewServerCertificate,
} from "./authority.ts";
import { type ManagerConfig, parseManagerConfig } from "./config.ts";
import { identityOf, type ServerIdentity } from "./server_identity.ts";
import { type StatePaths, statePaths } from "./state_paths.ts";

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
 * @throws {PiriError} FAILED_PRECONDITION if there is none; DENIED if others may read a key, or on Windows the folder;
 * INVALID_ARGUMENT for a mistake in config.yaml; CORRUPT.
 */
export async function loadState(dir: string): Promise<ManagerState> {
  const paths = statePaths(dir);
  await requireInitialised(paths);
  const config = await readConfig(paths);
  requirePrivateFolder(dir);
  await requirePrivate(paths.caKey);
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

/**
 * Issues the server certificate anew, on the disk too if it is there, if less than 30 days of its validity are left, or if
 * it lacks a name that it needs.
 *
 * @returns the new identity, or undefined if the one that is there does
 */
export async function renewServerIdentity(
  state: Pick<ManagerState, "paths" | "server" | "authority">,
  { clock, random, needed }: {
    clock: Clock;
    random: Random;
    /** Host name or IP address that it must have. */
    needed?: string | undefined;
  },
): Promise<ServerIdentity | undefined> {
  const { paths, server } = state;
  const now = clock.now();
  const names = certificateNames(server.certPem);
  const lacks = needed !== undefined && !names.includes(needed);
  if (!lacks && server.expiresAt - now >= RENEW_BEFORE_MS) return undefined;
  const authority = state.authority ?? {
    certPem: await readFile(paths.caCert),
    keyPem: await readPrivateFile(paths.caKey),
  };
  // A certificate cannot outlive its authority. Near the end of that, a new one would not last longer.
  if (!lacks && certificateExpiry(authority.certPem) === server.expiresAt) {
    return undefined;
  }
  const { certPem } = await renewServerCertificate(authority, server.certPem, {
    now,
    random,
    names: lacks ? [...names, needed] : undefined,
  });
  if (state.authority === undefined) {
    await writeFileAtomically(paths.serverCert, certPem, {
      mode: 0o644,
      random,
    });
  }
  return identityOf(certPem, server.keyPem);
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
