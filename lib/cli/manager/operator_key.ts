import { dirname, join } from "@std/path";
import { codeOf, PiriError } from "../../base/errors.ts";
import {
  exists,
  readPrivateFile,
  writeFileAtomically,
} from "../../base/files.ts";
import { makePrivateFolder } from "../../base/private_folder.ts";
import { newSigningKey, SigningKey } from "../../base/signing_key.ts";
import { HintedError } from "../errors.ts";
import { operatorConfigPath } from "../operator_config.ts";
import type { Terminal } from "../terminal.ts";

/** File with the operator's private key, PKCS#8 PEM, beside the settings of that user. */
const KEY_FILE = "signing-key.pem";

/** An operator's key, and where it is. */
export interface OperatorKey {
  readonly path: string;
  readonly key: SigningKey;
}

/**
 * Path of the key of this user, or of the file that was named.
 *
 * @throws {PiriError} FAILED_PRECONDITION for a user without a home
 */
export function operatorKeyPath(
  terminal: Pick<Terminal, "env">,
  named?: string,
): string {
  if (named !== undefined) return named;
  const config = operatorConfigPath(terminal);
  if (config !== undefined) return join(dirname(config), KEY_FILE);
  throw new PiriError(
    "FAILED_PRECONDITION",
    "Cannot find your key: this user has no home folder; name a file",
  );
}

/**
 * Makes a key that nobody else can read.
 *
 * @throws {PiriError} ALREADY_EXISTS; DENIED, DISK
 */
export async function makeOperatorKey(
  terminal: Pick<Terminal, "env" | "random">,
  named?: string,
): Promise<OperatorKey> {
  const path = operatorKeyPath(terminal, named);
  if (await exists(path)) {
    throw new HintedError(
      "ALREADY_EXISTS",
      `Cannot make a key: there is one in "${path}"`,
      "piri-manager key show prints it; --out FILE makes one elsewhere",
    );
  }
  if (named === undefined) await makePrivateFolder(dirname(path));
  const pem = newSigningKey(terminal.random);
  await writeFileAtomically(path, pem, { random: terminal.random });
  return { path, key: new SigningKey(pem) };
}

/**
 * Reads a key.
 *
 * @throws {PiriError} NOT_FOUND; DENIED, also when others may read it; CORRUPT, DISK
 */
export async function readOperatorKey(
  terminal: Pick<Terminal, "env">,
  named?: string,
): Promise<OperatorKey> {
  const path = operatorKeyPath(terminal, named);
  try {
    return { path, key: new SigningKey(await readPrivateFile(path)) };
  } catch (error) {
    if (codeOf(error) !== "NOT_FOUND") throw error;
    throw new HintedError(
      "NOT_FOUND",
      `Cannot sign: there is no key in "${path}"`,
      named === undefined
        ? "piri-manager key make"
        : `piri-manager key make --out ${named}`,
      { cause: error },
    );
  }
}
