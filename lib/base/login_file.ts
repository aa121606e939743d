import { join } from "@std/path";
import * as v from "valibot";
import { formatAddress, parseAddress } from "./address.ts";
import { PiriError } from "./errors.ts";
import { exists, readPrivateFile, writeFileAtomically } from "./files.ts";
import { makePrivateFolder, requirePrivateFolder } from "./private_folder.ts";

/** Sign-in of an operator at a Manager on another machine, as it is kept on the operator's machine. It is a secret. */
export interface Login {
  /** Address of the control port, "host:port". */
  readonly address: string;
  /** The certificate of the only authority to trust, PEM. */
  readonly ca: string;
  /** Name of the operator. */
  readonly operator: string;
  readonly token: string;
  /** End of the token, milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Path of the file in the folder of a login. */
export function loginFile(folder: string): string {
  return join(folder, "login.json");
}

/**
 * Reads the login of a folder; undefined if the folder is none of a login.
 *
 * @throws {PiriError} CORRUPT; DENIED, also when others may read it or write to its folder; DISK
 */
export async function readLogin(folder: string): Promise<Login | undefined> {
  const path = loginFile(folder);
  if (!await exists(path)) return undefined;
  // Of any user for root, as sudo may keep the home folder.
  requirePrivateFolder(folder, { anyOwnerForRoot: true });
  const text = await readPrivateFile(path);
  const { readBy } = await import("./settings.ts");
  const schema = v.object({
    address: readBy((text) => formatAddress(parseAddress(text))),
    ca: v.string(),
    operator: v.string(),
    token: v.string(),
    expiresAt: v.pipe(v.number(), v.safeInteger()),
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Reported below, with all else that is no login.
  }
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new PiriError(
    "CORRUPT",
    `Cannot read "${path}": its ${
      v.getDotPath(issue) ?? "content"
    } is wrong; log in again`,
  );
}

/**
 * Keeps a login in a folder, which is made if need be. Nobody else can read it.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function writeLogin(folder: string, login: Login): Promise<void> {
  await makePrivateFolder(folder);
  await writeFileAtomically(
    loginFile(folder),
    `${JSON.stringify(login, null, 2)}\n`,
  );
}
