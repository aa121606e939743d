import { dirname, join } from "@std/path";
import { parseAddress } from "../../base/address.ts";
import { looksLikeCiLine, parseCiLine } from "../../base/ci_line.ts";
import { PiriError } from "../../base/errors.ts";
import { SHARED_CONTROL_FOLDER } from "../../base/paths.ts";
import { writeFileAtomically } from "../../base/files.ts";
import { type Login, loginFile, readLogin } from "../../base/login_file.ts";
import { didYouMean } from "../../base/nearest.ts";
import { HintedError } from "../errors.ts";
import { operatorConfigPath } from "../operator_config.ts";
import type { Terminal } from "../terminal.ts";

/** Environment variable with the name of a login, or the path of its folder. */
const MANAGER_VARIABLE = "PIRI_MANAGER";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Login of this user at a Manager on another machine. */
export interface NamedLogin {
  readonly name: string;
  readonly folder: string;
  readonly login: Login;
}

/**
 * Requires a name that a login can have.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function requireLoginName(name: string): string {
  if (NAME.test(name)) return name;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot name a login "${name}": a name has letters, digits, and _ . -, 100 at most`,
  );
}

/**
 * Folder of a login of this user, whether or not there is one.
 *
 * @throws {PiriError} FAILED_PRECONDITION for a user without a home; INVALID_ARGUMENT for the name
 */
export function loginFolder(terminal: Terminal, name: string): string {
  return join(requirePlace(terminal), "managers", requireLoginName(name));
}

/**
 * All logins of this user.
 *
 * @throws {PiriError} CORRUPT, DENIED, DISK
 */
export async function allLogins(terminal: Terminal): Promise<NamedLogin[]> {
  const found: NamedLogin[] = [];
  for (const name of loginNames(terminal)) {
    const folder = loginFolder(terminal, name);
    const login = await readLogin(folder);
    if (login !== undefined) found.push({ name, folder, login });
  }
  return found;
}

/**
 * A login by its name, or by the path of its folder.
 *
 * @throws {PiriError} NOT_FOUND; CORRUPT, DENIED, DISK
 */
export async function requireLogin(
  terminal: Terminal,
  name: string,
): Promise<NamedLogin> {
  const folder = isPath(name) ? name : loginFolder(terminal, name);
  const login = await readLogin(folder);
  if (login !== undefined) return { name, folder, login };
  throw noLogin(terminal, name);
}

/** The login that was chosen to be the usual one; undefined if there is none. */
export function chosenLogin(terminal: Terminal): string | undefined {
  const place = placeOf(terminal);
  if (place === undefined) return undefined;
  const name = orNothing(() => Deno.readTextFileSync(join(place, "manager")))
    ?.trim();
  return name !== undefined && loginNames(terminal).includes(name)
    ? name
    : undefined;
}

/**
 * Makes a login the usual one.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function chooseLogin(
  terminal: Terminal,
  name: string,
): Promise<void> {
  const file = join(requirePlace(terminal), "manager");
  await writeFileAtomically(file, `${name}\n`, { random: terminal.random });
}

/**
 * Folder of the Manager to talk to if none was named: the login in PIRI_MANAGER, else the state folder of this machine
 * if there is one, else that of the socket for operators of a group, else the usual login or the only one, and without
 * any the state folder.
 *
 * @throws {PiriError} NOT_FOUND; FAILED_PRECONDITION if there are several logins and none was chosen
 */
export function findManager(
  terminal: Terminal,
  stateDir: () => string,
  shared = SHARED_CONTROL_FOLDER,
): string {
  const wanted = terminal.env(MANAGER_VARIABLE) ?? "";
  if (wanted !== "") return wantedFolder(terminal, wanted);
  const here = orNothing(stateDir);
  if (here !== undefined && isThere(here)) return here;
  // Who is not in the group does not see it.
  if (isThere(join(shared, "control.sock"))) return shared;
  const names = loginNames(terminal);
  if (names.length === 0) return stateDir();
  const name = chosenLogin(terminal) ??
    (names.length === 1 ? names[0] : undefined);
  if (name !== undefined) return loginFolder(terminal, name);
  throw new HintedError(
    "FAILED_PRECONDITION",
    `Cannot choose a Manager: there are the logins ${names.join(", ")}`,
    `PIRI_MANAGER=${names[0]} names one; piri-manager login --use ${
      names[0]
    } makes it the usual one`,
  );
}

/** Name of a login by the Manager's host, for one that was given none. */
export function loginNameOf(address: string): string {
  return parseAddress(address).host.replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "");
}

/**
 * Line for jobs of a CI in the variable that otherwise names a login.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function ciLineIn(terminal: Pick<Terminal, "env">): string {
  const line = terminal.env(MANAGER_VARIABLE) ?? "";
  if (looksLikeCiLine(line)) return line;
  throw new HintedError(
    "INVALID_ARGUMENT",
    "Cannot log in as a job of a CI: the line is missing",
    `it is an argument, or in ${MANAGER_VARIABLE}; piri-manager operator add --from prints it on the Manager's machine`,
  );
}

function wantedFolder(terminal: Terminal, wanted: string): string {
  if (looksLikeCiLine(wanted)) {
    return wantedFolder(terminal, loginNameOf(parseCiLine(wanted).address));
  }
  if (isPath(wanted)) return wanted;
  const folder = loginFolder(terminal, wanted);
  if (isThere(loginFile(folder))) return folder;
  throw noLogin(terminal, wanted);
}

function isPath(text: string): boolean {
  return /[/\\]/.test(text) || text === "." || text === "..";
}

function noLogin(terminal: Terminal, name: string): HintedError {
  const names = loginNames(terminal);
  return new HintedError(
    "NOT_FOUND",
    `Cannot find the login "${name}": there is none of that name`,
    didYouMean(
      name,
      names,
      names.length === 0
        ? "an admin gets a line for piri-manager login by piri-manager operator invite NAME"
        : `there are ${names.join(", ")}`,
    ),
  );
}

/** Names of the logins of this user, sorted. */
function loginNames(terminal: Terminal): string[] {
  const place = placeOf(terminal);
  if (place === undefined) return [];
  const folder = join(place, "managers");
  const entries = orNothing(() => [...Deno.readDirSync(folder)]) ?? [];
  return entries.map(({ name }) => name)
    .filter((name) => NAME.test(name) && isThere(loginFile(join(folder, name))))
    .toSorted();
}

/** Folder of the settings of this user. */
function placeOf(terminal: Terminal): string | undefined {
  const config = operatorConfigPath(terminal);
  return config === undefined ? undefined : dirname(config);
}

function requirePlace(terminal: Terminal): string {
  const place = placeOf(terminal);
  if (place !== undefined) return place;
  throw new HintedError(
    "FAILED_PRECONDITION",
    "Cannot find your logins: this user has no home folder",
    "HOME or XDG_CONFIG_HOME names it",
  );
}

function isThere(path: string): boolean {
  return orNothing(() => Deno.statSync(path)) !== undefined;
}

/** Value of something that may fail because a file or a home is not there. */
function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
