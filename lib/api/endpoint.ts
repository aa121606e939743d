import { join } from "@std/path";
import { parseAddress } from "../base/address.ts";
import { PiriError } from "../base/errors.ts";
import { type Login, readLogin } from "./login_file.ts";

/** Address of a Manager's control API. */
export type Endpoint =
  | { readonly transport: "unix"; readonly path: string }
  | {
    readonly transport: "tcp";
    /** Loopback of this machine. */
    readonly hostname: "127.0.0.1";
    readonly port: number;
    readonly token: string;
  }
  | {
    /** Control port of a Manager elsewhere. */
    readonly transport: "tls";
    readonly hostname: string;
    readonly port: number;
    /** Certificate of the only authority to trust. */
    readonly caPem: string;
    /** Token of the operator; empty to log in. */
    readonly token: string;
  };

/** Files of the control API in a state folder. */
export interface EndpointFiles {
  readonly socket: string;
  /** JSON with the address, if the socket is not at `socket`. */
  readonly note: string;
  /** Token for clients over TCP. */
  readonly token: string;
  /** Locked while a Manager serves. */
  readonly lock: string;
}

/** Paths of the files in a state folder. */
export function endpointFiles(stateDir: string): EndpointFiles {
  return {
    socket: join(stateDir, "control.sock"),
    note: join(stateDir, "control.json"),
    token: join(stateDir, "control.token"),
    lock: join(stateDir, "control.lock"),
  };
}

/** Content of the control endpoint file. A token has a file of its own. */
export function formatNote(
  endpoint: Exclude<Endpoint, { transport: "tls" }>,
): string {
  const note = endpoint.transport === "unix"
    ? { socket: endpoint.path }
    : { port: endpoint.port };
  return JSON.stringify(note) + "\n";
}

/**
 * Reads the address of the Manager from its state folder. Does not check that it runs.
 *
 * @throws {PiriError} CORRUPT, DENIED; Deno's errors where a file cannot be read.
 */
export async function findEndpoint(stateDir: string): Promise<Endpoint> {
  const login = await readLogin(stateDir);
  if (login !== undefined) return endpointOf(login);
  const files = endpointFiles(stateDir);
  const text = await readIfPresent(files.note);
  if (text === undefined) return { transport: "unix", path: files.socket };
  const note = parseNote(text, files.note);
  if ("socket" in note) {
    await checkOwner(note.socket, files.note);
    return { transport: "unix", path: note.socket };
  }
  const token = (await Deno.readTextFile(files.token)).trim();
  return {
    transport: "tcp",
    hostname: "127.0.0.1",
    port: note.port,
    token,
  };
}

/** Endpoint of a login. */
export function endpointOf(
  { address, ca, token }: Pick<Login, "address" | "ca" | "token">,
): Endpoint {
  const { host, port } = parseAddress(address);
  return { transport: "tls", hostname: host, port, caPem: ca, token };
}

function parseNote(
  text: string,
  file: string,
): { socket: string } | { port: number } {
  let note: unknown;
  try {
    note = JSON.parse(text);
  } catch {
    // Reported below, with all else that is no note.
  }
  if (typeof note === "object" && note !== null) {
    if ("socket" in note && typeof note.socket === "string") {
      return { socket: note.socket };
    }
    if ("port" in note && typeof note.port === "number") {
      return { port: note.port };
    }
  }
  throw new PiriError(
    "CORRUPT",
    `Cannot read "${file}": it is not a control endpoint file`,
  );
}

/**
 * Refuses a socket outside the state folder that is not the note's owner's alone.
 *
 * The note may outlive the socket's folder, and in a shared temporary folder anyone could then make it again and be
 * taken for the Manager.
 */
async function checkOwner(socket: string, note: string): Promise<void> {
  const folder = join(socket, "..");
  const [theirs, ours] = await Promise.all([
    Deno.lstat(folder),
    Deno.stat(note),
  ]);
  const open = ((theirs.mode ?? 0) & 0o077) !== 0;
  if (theirs.uid !== ours.uid || open || !theirs.isDirectory) {
    throw new PiriError(
      "DENIED",
      `Cannot trust the socket "${socket}": its folder is not private to the owner of "${note}"`,
    );
  }
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
