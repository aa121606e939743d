import { ageFormOf } from "../../base/age_form.ts";
import { messageOf, PiriError } from "../../base/errors.ts";
import { readFile, readPrivateFile, requirePrivate } from "../../base/files.ts";
import { openInput } from "../input_file.ts";
import { askSecret } from "../secret_prompt.ts";
import type { Terminal } from "../terminal.ts";

/** Longest key, in bytes. */
const MAX_KEY = 65_536;

/** Flags with the key of the authority, for those who keep it elsewhere. */
export const CA_KEY_FLAG = {
  "ca-key": {
    type: "string",
    value: "FILE",
    summary:
      'key of the authority, if it is kept elsewhere, plain or encrypted by age; "-" reads stdin',
  },
  identity: {
    type: "string",
    needs: ["ca-key"],
    value: "FILE",
    summary: "key of age that decrypts the file of --ca-key",
  },
} as const;

/** Flag with the certificate of that authority. */
export const CA_CERT_FLAG = {
  "ca-cert": {
    type: "string",
    needs: ["ca-key"],
    value: "FILE",
    summary: "certificate of that authority (default: a new one for its key)",
  },
} as const;

/** Values of these flags. */
export interface AuthorityKeyFlags {
  readonly "ca-key": string | undefined;
  readonly identity: string | undefined;
}

/**
 * Reads the key of the authority, and decrypts it if age has encrypted it: by a key of age, or by a passphrase that is asked
 * for.
 *
 * @returns PEM, or undefined if no key is named
 * @throws {PiriError} NOT_FOUND; DENIED if others may read a file, or for a wrong key or passphrase; INVALID_ARGUMENT; DISK
 */
export async function readAuthorityKey(
  { "ca-key": path, identity }: AuthorityKeyFlags,
  terminal: Terminal,
): Promise<string | undefined> {
  if (path === undefined) {
    if (identity === undefined) return undefined;
    throw new PiriError(
      "INVALID_ARGUMENT",
      "Cannot use --identity: it is only for --ca-key, whose file it decrypts",
    );
  }
  const bytes = await readKeyFile(path, terminal);
  const text = new TextDecoder().decode(bytes);
  if (ageFormOf(text) !== undefined) {
    return await decrypt(bytes, { path, identity, terminal });
  }
  bytes.fill(0);
  if (path !== "-") await requirePrivate(path);
  if (identity === undefined) return text;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use --identity: "${path}" is not encrypted by age`,
  );
}

/**
 * Reads the certificate of the authority.
 *
 * @returns PEM, or undefined if none is named
 * @throws {PiriError} INVALID_ARGUMENT without a key; NOT_FOUND, DENIED, DISK
 */
export async function readAuthorityCertificate(
  { "ca-cert": path, "ca-key": key }: {
    readonly "ca-cert": string | undefined;
    readonly "ca-key": string | undefined;
  },
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  if (key !== undefined) return await readFile(path);
  throw new PiriError(
    "INVALID_ARGUMENT",
    "Cannot use --ca-cert: it is only for --ca-key, whose authority it is of",
  );
}

async function readKeyFile(
  path: string,
  terminal: Terminal,
): Promise<Uint8Array<ArrayBuffer>> {
  using input =
    await (path === "-" ? terminal.openInput(path) : openInput(path));
  const bytes = new Uint8Array(MAX_KEY);
  const count = await input.fill(bytes);
  return bytes.subarray(0, count);
}

async function decrypt(
  bytes: Uint8Array<ArrayBuffer>,
  { path, identity, terminal }: {
    readonly path: string;
    readonly identity: string | undefined;
    readonly terminal: Terminal;
  },
): Promise<string> {
  const { armor, Decrypter } = await import("age-encryption");
  const text = new TextDecoder().decode(bytes);
  const decrypter = new Decrypter();
  let what = "the passphrase";
  try {
    const file = ageFormOf(text) === "armor" ? armor.decode(text) : bytes;
    if (identity !== undefined) {
      what = `"${identity}"`;
      for (const line of await readIdentities(identity)) {
        decrypter.addIdentity(line);
      }
    } else {
      requirePassphrase(file, path);
      const passphrase = await askSecret(`Passphrase of "${path}"`, terminal);
      decrypter.addPassphrase(passphrase.open());
    }
    return await decrypter.decrypt(file, "text");
  } catch (error) {
    if (error instanceof PiriError) throw error;
    throw new PiriError(
      "DENIED",
      `Cannot decrypt "${path}": ${what} does not fit (${messageOf(error)})`,
    );
  }
}

/** Keys of age in a private file, as `age-keygen` writes it. */
async function readIdentities(path: string): Promise<string[]> {
  const lines = (await readPrivateFile(path)).split(/\s*\n/)
    .filter((line) => /^AGE-SECRET-KEY-1[A-Z0-9]+$/.test(line));
  if (lines.length > 0) return lines;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot use "${path}": it has no key of age, as age-keygen writes it`,
  );
}

/** Demands a file that is encrypted by a passphrase, which is not read from where the file comes from. */
function requirePassphrase(file: Uint8Array, path: string): void {
  const header = new TextDecoder().decode(file.subarray(0, 1_024));
  if (!header.includes("\n-> scrypt ")) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot decrypt "${path}": it is encrypted for a key of age; name that by --identity FILE`,
    );
  }
  if (path !== "-") return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    "Cannot decrypt the authority's key: its passphrase would be read from standard input, too; name the file",
  );
}
