import { join } from "@std/path";

/** Where things are in a Manager's state folder. */
export interface StatePaths {
  readonly dir: string;
  readonly config: string;
  readonly caCert: string;
  readonly caKey: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly database: string;
  /** What agents may ask for as data: see data/data_service.ts. */
  readonly data: string;
  /** What agents may ask for as files. */
  readonly files: string;
  /** There while `init` is at work, and left behind by one that did not finish. */
  readonly unfinished: string;
}

/** The paths in a Manager's state folder. */
export function statePaths(dir: string): StatePaths {
  return {
    dir,
    config: join(dir, "config.yaml"),
    caCert: join(dir, "ca.pem"),
    caKey: join(dir, "ca.key"),
    serverCert: join(dir, "server.pem"),
    serverKey: join(dir, "server.key"),
    database: join(dir, "manager.db"),
    data: join(dir, "data"),
    files: join(dir, "files"),
    unfinished: join(dir, "init-unfinished"),
  };
}
