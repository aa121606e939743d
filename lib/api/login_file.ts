import { join } from "@std/path";
import { codeOf, PiriError } from "../base/errors.ts";
import {
  PRIVATE_FILE,
  PRIVATE_FOLDER,
  readPrivateFile,
  writeFileAtomically,
} from "../base/files.ts";
import type { Random } from "../base/random.ts";

/** Facts that a command line keeps of a Manager that it has logged in to. */
export interface Login {
  /** Address of the control port, "host:port". */
  readonly address: string;
  /** Certificate of the only authority to trust, PEM. */
  readonly ca: string;
  /** Name of the operator. */
  readonly operator: string;
  readonly token: string;
  /** End of the token, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Path of the file in the folder of a login. */
export function loginFile(dir: string): string {
  return join(dir, "login.json");
}

/**
 * Reads the login of a folder; undefined if there is none.
 *
 * @throws {PiriError} DENIED if others can read the token; CORRUPT, DISK
 */
export async function readLogin(dir: string): Promise<Login | undefined> {
  const path = loginFile(dir);
  let text: string;
  try {
    text = await readPrivateFile(path);
  } catch (error) {
    if (codeOf(error) === "NOT_FOUND") return undefined;
    // Whoever may not even look into a state folder is told so by the call itself.
    if (error instanceof PiriError && await isClosed(dir)) return undefined;
    throw error;
  }
  // Most calls are on the Manager's own machine and need no library for this.
  const v = await import("valibot");
  const schema = v.object({
    address: v.string(),
    ca: v.string(),
    operator: v.string(),
    token: v.string(),
    expiresAt: v.number(),
  });
  const login = v.safeParse(schema, parsed(text));
  if (login.success) return login.output;
  throw new PiriError(
    "CORRUPT",
    `Cannot read "${path}": it is not a login (piri-manager login makes one)`,
  );
}

/**
 * Keeps a login, readable by this user alone.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function writeLogin(
  dir: string,
  login: Login,
  random: Random,
): Promise<void> {
  await Deno.mkdir(dir, { recursive: true, mode: PRIVATE_FOLDER });
  await writeFileAtomically(
    loginFile(dir),
    JSON.stringify(login, null, 2) + "\n",
    { mode: PRIVATE_FILE, random },
  );
}

/** Forgets a login, and removes its folder if nothing else is in it. */
export async function removeLogin(dir: string): Promise<void> {
  await Deno.remove(loginFile(dir));
  await Deno.remove(dir).catch(() => {}); // the user has put something there
}

async function isClosed(dir: string): Promise<boolean> {
  try {
    await Deno.stat(loginFile(dir));
    return false;
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
