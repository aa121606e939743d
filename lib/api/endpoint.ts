import { join } from "@std/path";
import { PiriError } from "../base/errors.ts";
import { checkToken } from "../base/operator_token.ts";
import { readLogin } from "../base/login_file.ts";
import { parseAddress } from "../base/address.ts";

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
  | RemoteEndpoint;

/** Address of a Manager on another machine. */
export interface RemoteEndpoint {
  readonly transport: "tls";
  /** A host name or an IP address, which the Manager's certificate has. */
  readonly hostname: string;
  readonly port: number;
  /** The certificate of the only authority to trust, PEM. */
  readonly caPem: string;
  /** Token of the operator; undefined to ask for one. */
  readonly token: string | undefined;
}

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
  endpoint: Exclude<Endpoint, RemoteEndpoint>,
): string {
  const note = endpoint.transport === "unix"
    ? { socket: endpoint.path }
    : { port: endpoint.port };
  return JSON.stringify(note) + "\n";
}

/**
 * Reads the address of the Manager from its state folder, or from the folder of a login at one on another machine. Does
 * not check that it runs.
 *
 * @param token Token to use instead of that of a login.
 * @throws {PiriError} CORRUPT, DENIED; INVALID_ARGUMENT for a mistyped token; Deno's errors where a file cannot be read.
 */
export async function findEndpoint(
  stateDir: string,
  token?: string,
): Promise<Endpoint> {
  const login = await readLogin(stateDir);
  if (login === undefined) return await findHere(stateDir);
  const { host: hostname, port } = parseAddress(login.address);
  checkToken(token ?? login.token);
  return {
    transport: "tls",
    hostname,
    port,
    caPem: login.ca,
    token: token ?? login.token,
  };
}

async function findHere(
  stateDir: string,
): Promise<Exclude<Endpoint, RemoteEndpoint>> {
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
 * Refuses a socket outside the state folder that others than the note's owner could have made. Its group may connect.
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
  const open = ((theirs.mode ?? 0) & 0o027) !== 0;
  if (theirs.uid !== ours.uid || open || !theirs.isDirectory) {
    throw new PiriError(
      "DENIED",
      `Cannot trust the socket "${socket}": its folder does not belong to the owner of "${note}"`,
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
