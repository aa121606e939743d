import { encodeBase64Url } from "@std/encoding/base64url";
import { encodeHex } from "@std/encoding/hex";
import { basename, dirname, join } from "@std/path";
import { PiriError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { type Endpoint, type EndpointFiles, formatNote } from "./endpoint.ts";
import { proofFolder } from "./proof_files.ts";

/** Longest path of a socket, in bytes: macOS takes 103, Linux 107. Its first name is shorter. */
const MAX_SOCKET_PATH_BYTES = 100;

const RUNTIME_PREFIX = "piri-";

/** Binds a socket at the path and serves there. */
export type ServeAt = (path: string) => void;

/**
 * Locks the state folder for one Manager. Closing the file, or the end of the program, unlocks it.
 *
 * @throws {PiriError} FAILED_PRECONDITION if another Manager has it, or there is no such folder.
 */
export async function lockPlace(files: EndpointFiles): Promise<Deno.FsFile> {
  const lock = await openLock(files.lock);
  if (await lock.tryLock(true)) return lock;
  lock.close();
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot serve the Manager of "${
      dirname(files.lock)
    }": another one serves it`,
  );
}

async function openLock(file: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(file, { create: true, write: true, mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot serve the Manager of "${dirname(file)}": there is no such folder`,
      { cause: error },
    );
  }
}

/** Removes the files of a Manager that did not stop cleanly. Only for the holder of the lock. */
export async function clearPlace(files: EndpointFiles): Promise<void> {
  const socket = await notedSocket(files.note);
  if (socket !== undefined) await removeRuntimeFolder(socket);
  await removeProofs(files.socket);
  for (const file of [files.note, files.token, files.socket]) {
    await removeIfPresent(file);
  }
}

/** Mode of the folder of the proofs for one user, and for a group: each makes files there, and removes its own only. */
const PROOFS_MODE = 0o700;
const SHARED_PROOFS_MODE = 0o1730;

/** Most times that a folder is emptied into which files come. */
const MAX_REMOVALS = 1_000;

/**
 * Serves at a Unix socket that only its owner can connect to, from the first moment.
 *
 * The socket is in the state folder. If that path would be too long, it is in a private folder that the control
 * endpoint file names. In a shared folder, the group of this process can connect, too.
 */
export async function openSocket(
  files: EndpointFiles,
  { random, runtimeDir, sharedDir, serveAt }: {
    random: Random;
    runtimeDir: string | undefined;
    sharedDir: string | undefined;
    serveAt: ServeAt;
  },
): Promise<Endpoint> {
  if (sharedDir !== undefined) {
    return await openShared(files, sharedDir, { random, serveAt });
  }
  if (fits(files.socket)) {
    await Deno.mkdir(proofFolder(files.socket), { mode: PROOFS_MODE });
    await bind(files.socket, { random, serveAt });
    return { transport: "unix", path: files.socket };
  }
  const folder = await makeRuntimeFolder(runtimeDir);
  const endpoint: Endpoint = {
    transport: "unix",
    path: join(folder, "control.sock"),
  };
  // First the note, so that the folder is cleared away whatever happens next.
  await writePrivate(files.note, formatNote(endpoint));
  await Deno.mkdir(proofFolder(endpoint.path), { mode: PROOFS_MODE });
  await bind(endpoint.path, { random, serveAt });
  return endpoint;
}

/** Serves at a socket that the group of this process can connect to. */
async function openShared(
  files: EndpointFiles,
  folder: string,
  { random, serveAt }: { random: Random; serveAt: ServeAt },
): Promise<Endpoint> {
  const endpoint: Endpoint = {
    transport: "unix",
    path: join(folder, "control.sock"),
  };
  // A Manager that was killed may have left them.
  await removeIfPresent(endpoint.path);
  await removeProofs(endpoint.path);
  await writePrivate(files.note, formatNote(endpoint));
  const proofs = proofFolder(endpoint.path);
  await Deno.mkdir(proofs, { mode: PROOFS_MODE });
  await Deno.chmod(proofs, SHARED_PROOFS_MODE);
  await bind(endpoint.path, { random, serveAt, mode: 0o660 });
  return endpoint;
}

/** Writes the files that tell clients the port on loopback and the token. */
export async function openPort(
  files: EndpointFiles,
  { port, token }: { port: number; token: string },
): Promise<Endpoint> {
  const endpoint: Endpoint = {
    transport: "tcp",
    hostname: "127.0.0.1",
    port,
    token,
  };
  await writePrivate(files.token, token + "\n");
  await writePrivate(files.note, formatNote(endpoint));
  return endpoint;
}

/** A token of 256 bits. */
export function makeToken(random: Random): string {
  return encodeBase64Url(random.bytes(32));
}

/** Makes the socket in a private folder, and moves it once its mode is right. */
async function bind(
  path: string,
  { random, serveAt, mode = 0o600 }: {
    random: Random;
    serveAt: ServeAt;
    mode?: number;
  },
): Promise<void> {
  const nursery = join(dirname(path), `.c${encodeHex(random.bytes(3))}`);
  await Deno.mkdir(nursery, { mode: 0o700 });
  try {
    const born = join(nursery, "s");
    serveAt(born);
    await Deno.chmod(born, mode);
    await Deno.rename(born, path);
  } finally {
    await Deno.remove(nursery, { recursive: true });
  }
}

async function makeRuntimeFolder(
  runtimeDir: string | undefined,
): Promise<string> {
  // XDG_RUNTIME_DIR may name a folder that is not there, as after su; "" is the system's folder for temporary files.
  for (const dir of [runtimeDir ?? "", "", "/tmp"]) {
    try {
      const folder = await Deno.makeTempDir({
        prefix: RUNTIME_PREFIX,
        ...(dir === "" ? {} : { dir }),
      });
      if (fits(join(folder, "control.sock"))) return folder;
      await Deno.remove(folder);
    } catch (error) {
      if (!isUnusable(error)) throw error;
    }
  }
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot make the control socket: no folder allows a path of ${MAX_SOCKET_PATH_BYTES} bytes or fewer`,
  );
}

function isUnusable(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.PermissionDenied;
}

async function notedSocket(note: string): Promise<string | undefined> {
  try {
    const { socket } = JSON.parse(await Deno.readTextFile(note));
    return typeof socket === "string" ? socket : undefined;
  } catch {
    return undefined; // No note, or one that was cut short: then there is nothing to follow.
  }
}

/** Removes a socket and its empty folder. Touches nothing else, whatever the control endpoint file says. */
async function removeRuntimeFolder(socket: string): Promise<void> {
  const folder = dirname(socket);
  if (!basename(folder).startsWith(RUNTIME_PREFIX)) return;
  await removeIfPresent(socket).catch(() => {});
  await removeProofs(socket).catch(() => {});
  await Deno.remove(folder).catch(() => {});
}

/**
 * Removes the folder of the proofs for a socket, with all that was left in it. A client may make a proof meanwhile:
 * under the folder's new name it makes none.
 */
async function removeProofs(socket: string): Promise<void> {
  const folder = proofFolder(socket);
  const leaving = `${folder}.old`;
  await removeFolder(leaving); // Of a Manager that was killed here.
  try {
    await Deno.rename(folder, leaving);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  await removeFolder(leaving);
}

/** Removes a folder that others may write to. */
async function removeFolder(folder: string): Promise<void> {
  try {
    // One who has it open can make files in it until its mode forbids that.
    const { isDirectory } = await Deno.lstat(folder);
    if (isDirectory) await Deno.chmod(folder, PROOFS_MODE);
    await removeAll(folder);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes a folder with all in it, also what comes into it while that is removed. */
async function removeAll(folder: string): Promise<void> {
  for (let time = 1;; time++) {
    try {
      return await Deno.remove(folder, { recursive: true });
    } catch (error) {
      // A file that was on its way into the folder came after all others were gone.
      if (systemCodeOf(error) !== "ENOTEMPTY" || time === MAX_REMOVALS) {
        throw error;
      }
    }
  }
}

function systemCodeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

async function removeIfPresent(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Writes a new file and renames it, so that readers see all of it or nothing, and the mode is right from the start. */
async function writePrivate(file: string, text: string): Promise<void> {
  const fresh = `${file}.new`;
  await removeIfPresent(fresh);
  await Deno.writeTextFile(fresh, text, { mode: 0o600, createNew: true });
  await Deno.rename(fresh, file);
}

function fits(path: string): boolean {
  return new TextEncoder().encode(path).length <= MAX_SOCKET_PATH_BYTES;
}
