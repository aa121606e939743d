import { join } from "@std/path";
import { connectControl, connectToLogIn } from "./api/client.ts";
import { readLogin, removeLogin, writeLogin } from "./api/login_file.ts";
import { parseAddress } from "./base/address.ts";
import { codeOf, PiriError } from "./base/errors.ts";
import { parseLoginLine } from "./base/login_line.ts";
import { encodePem } from "./base/pem.ts";
import type { Random } from "./base/random.ts";
import type { LoggedIn } from "./cli/manager/services.ts";

/**
 * Trades the code of a login line for a token, and keeps it.
 *
 * @param line Login line.
 * @param options Folder of the login, or the folder of all logins; randomness.
 * @throws {PiriError} INVALID_ARGUMENT, AUTH_FAILED, DENIED, UNAVAILABLE, DISK
 */
export async function logIn(
  line: string,
  { dir, managers, random }: {
    readonly dir: string | undefined;
    readonly managers: () => string;
    readonly random: Random;
  },
): Promise<LoggedIn> {
  const { address, caCertificate, code } = parseLoginLine(line);
  const ca = encodePem("CERTIFICATE", caCertificate);
  const place = dir ?? join(managers(), folderName(parseAddress(address).host));
  using control = await connectToLogIn({ address, ca, token: "" });
  const { token, operator, role, expiresAtMs } = await control.logins.login({
    code,
  });
  const expiresAt = Number(expiresAtMs);
  await writeLogin(place, { address, ca, operator, token, expiresAt }, random);
  return { dir: place, address, operator, role, expiresAt };
}

/**
 * Ends the token of a login, and forgets it.
 *
 * @returns false if the Manager could not be told
 * @throws {PiriError} NOT_FOUND
 */
export async function logOut(dir: string): Promise<boolean> {
  if (await readLogin(dir) === undefined) {
    throw new PiriError(
      "NOT_FOUND",
      `Cannot log out: "${dir}" is not the folder of a login`,
    );
  }
  let told = true;
  try {
    using control = await connectControl(dir);
    await control.logins.logout({});
  } catch (error) {
    // A token that does not count any more needs no end.
    told = codeOf(error) === "AUTH_FAILED";
  }
  await removeLogin(dir);
  return told;
}

/** Host as the name of a folder: an IPv6 address has colons. */
function folderName(host: string): string {
  return host.replaceAll(":", "_");
}
