import { basename, join } from "@std/path";
import { type Address, isWildcard } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import {
  diskError,
  exists,
  PRIVATE_FILE,
  PRIVATE_FOLDER,
  writeFileAtomically,
} from "../../base/files.ts";
import type { Identity } from "../../base/pem.ts";
import { makePrivateFolder } from "../../base/private_folder.ts";
import type { Random } from "../../base/random.ts";
import { newSigningKey } from "../../base/signing_key.ts";
import {
  createAuthority,
  issueServerCertificate,
  newServerName,
} from "./authority.ts";
import { newConfigText } from "./config.ts";
import { type StatePaths, statePaths } from "./state_paths.ts";

export interface InitOptions {
  readonly listen: Address;
  readonly advertise: Address;
  readonly clock: Clock;
  readonly random: Random;
  /** Authority whose key is kept elsewhere, and stays out of the folder; a new one if absent. */
  readonly authority?: Identity | undefined;
  /** Makes the database of the new Manager. */
  readonly prepare?: (paths: StatePaths) => Promise<void>;
}

/**
 * Makes a Manager's state folder: authority, certificate, configuration, folders for data and files.
 *
 * config.yaml is written last: without it, nothing uses the folder. A crash before that leaves a mark. The next
 * `initState` finds the mark, removes everything that the unfinished one has made, and starts over.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the folder is in use; it is left as it was
 */
export async function initState(
  dir: string,
  options: InitOptions,
): Promise<StatePaths> {
  const paths = statePaths(dir);
  try {
    await makePrivateFolder(dir);
    await requireUnused(paths);
    using mark = await Deno.open(paths.unfinished, {
      write: true,
      create: true,
      mode: PRIVATE_FILE,
    });
    // A second `initState` at the same time waits here, and then finds the folder in use.
    await mark.lock(true);
    try {
      await requireUnused(paths);
      await removeLeftovers(paths);
      await fill(paths, options);
    } finally {
      if (await exists(paths.config)) await Deno.remove(paths.unfinished);
    }
  } catch (error) {
    throw diskError(`initialise "${dir}"`, error);
  }
  return paths;
}

async function requireUnused(paths: StatePaths): Promise<void> {
  const names = await namesIn(paths.dir);
  const begun = names.includes(basename(paths.unfinished)) &&
    !names.includes(basename(paths.config));
  if (names.length === 0 || begun) return;
  const shown = names.slice(0, 5).join(", ");
  const more = names.length > 5 ? ` and ${names.length - 5} more` : "";
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot initialise "${paths.dir}": the folder is in use, it holds ${shown}${more}`,
  );
}

async function removeLeftovers(paths: StatePaths): Promise<void> {
  for (const name of await namesIn(paths.dir)) {
    const path = join(paths.dir, name);
    if (path !== paths.unfinished) await Deno.remove(path, { recursive: true });
  }
}

/** Names in a folder, without those that the system puts into the root of a new volume. */
async function namesIn(dir: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(dir)) {
    if (name !== "lost+found") names.push(name);
  }
  return names.sort();
}

async function fill(
  paths: StatePaths,
  { listen, advertise, clock, random, authority: given, prepare }: InitOptions,
): Promise<void> {
  if (Deno.build.os !== "windows") await Deno.chmod(paths.dir, PRIVATE_FOLDER);
  const now = clock.now();
  const authority = given ?? await createAuthority({ now, random });
  const server = await issueServerCertificate(authority, {
    serverName: newServerName(random),
    names: namesOf(listen, advertise),
    now,
    random,
  });
  const files: (readonly [path: string, content: string, mode: number])[] = [
    ...given === undefined
      ? [[paths.caKey, authority.keyPem, PRIVATE_FILE] as const]
      : [],
    [paths.caCert, authority.certPem, 0o644],
    [paths.managerKey, newSigningKey(random), PRIVATE_FILE],
    [paths.serverKey, server.keyPem, PRIVATE_FILE],
    [paths.serverCert, server.certPem, 0o644],
  ];
  for (const [path, content, mode] of files) {
    await writeFileAtomically(path, content, { mode, random });
  }
  for (const folder of ["agents", "groups"]) {
    await Deno.mkdir(join(paths.data, folder), { recursive: true });
  }
  await Deno.writeTextFile(join(paths.data, "all.yaml"), ALL_DATA);
  for (const folder of ["all", "groups"]) {
    await Deno.mkdir(join(paths.files, folder), { recursive: true });
  }
  await prepare?.(paths);
  await writeFileAtomically(
    paths.config,
    newConfigText({ listen, advertise }),
    { mode: PRIVATE_FILE, random },
  );
}

const ALL_DATA = `\
# Data for every agent. What groups/GROUP.yaml and agents/NAME.yaml say comes before it.
`;

/** Further names of the certificate, for peers that know a Manager by its address. */
function namesOf(listen: Address, advertise: Address): string[] {
  const hosts = [advertise.host, "localhost", "127.0.0.1", "::1"];
  return isWildcard(listen.host) ? hosts : [...hosts, listen.host];
}
