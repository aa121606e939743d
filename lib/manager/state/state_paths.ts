import { join } from "@std/path";

/** Paths of the files and folders in a Manager's state folder. */
export interface StatePaths {
  readonly dir: string;
  readonly config: string;
  readonly caCert: string;
  readonly caKey: string;
  /** Authority that replaces the other when its rotation is finished. */
  readonly nextCaCert: string;
  readonly nextCaKey: string;
  /** Key of the Manager that replaces the other when its rotation is finished. */
  readonly nextManagerKey: string;
  /** Number of the newest statement about keys that agents were told; absent before the first rotation. */
  readonly trustNumber: string;
  /** Private key by which the Manager proves itself to agents. */
  readonly managerKey: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly database: string;
  /** Folder of the data that agents may ask for: see data/data_service.ts. */
  readonly data: string;
  /** Folder of the files that agents may ask for. */
  readonly files: string;
  /** Folder of the states: see lib/states. */
  readonly states: string;
  /** Folder of the secrets that agents may ask for. */
  readonly secrets: string;
  /** Keys of age by which the secrets are encrypted. */
  readonly secretsKey: string;
  /** Folder of large inputs of commands. */
  readonly blobs: string;
  /** Folder of the releases for agents. */
  readonly releases: string;
  /** File that exists while `init` runs, and stays if it does not finish. */
  readonly unfinished: string;
  /** File in a backup with the names of the private keys that are not in it, one a line. */
  readonly keysLeftOut: string;
}

/** Paths of the private keys without which a Manager would be another one. The authority's may be kept elsewhere. */
export function ownKeys(
  { managerKey, nextManagerKey, serverKey, secretsKey }: StatePaths,
): readonly string[] {
  return [managerKey, nextManagerKey, serverKey, secretsKey];
}

/** Returns the paths in a Manager's state folder. */
export function statePaths(dir: string): StatePaths {
  return {
    dir,
    config: join(dir, "config.yaml"),
    caCert: join(dir, "ca.pem"),
    caKey: join(dir, "ca.key"),
    nextCaCert: join(dir, "ca-next.pem"),
    nextCaKey: join(dir, "ca-next.key"),
    nextManagerKey: join(dir, "manager-next.key"),
    trustNumber: join(dir, "trust-number"),
    managerKey: join(dir, "manager.key"),
    serverCert: join(dir, "server.pem"),
    serverKey: join(dir, "server.key"),
    database: join(dir, "manager.db"),
    data: join(dir, "data"),
    files: join(dir, "files"),
    states: join(dir, "states"),
    secrets: join(dir, "secrets"),
    secretsKey: join(dir, "secrets.key"),
    blobs: join(dir, "blobs"),
    releases: join(dir, "releases"),
    unfinished: join(dir, "init-unfinished"),
    keysLeftOut: join(dir, "keys-left-out"),
  };
}
