import { PiriError } from "./errors.ts";
import {
  type AccessEntry,
  encodePrivateDescriptor,
  type SecurityDescriptor,
} from "./security_descriptor.ts";
import type { WindowsSecurity } from "./windows_security.ts";

const SYSTEM = "S-1-5-18";
const ADMINISTRATORS = "S-1-5-32-544";

/**
 * SID of the user of the Manager's service. Only an administrator can make a service of that name.
 *
 * Source: Service accounts, Microsoft Learn: the SHA-1 of the name in capitals.
 */
export const MANAGER_SERVICE_SID =
  "S-1-5-80-3569983993-2286002428-1849249511-1428709897-3031460061";

/** SIDs that stand for the owner, who is judged by itself. */
const OWNERS: readonly string[] = ["S-1-3-0", "S-1-3-4"];

/** Users that may do everything anyway, or are a part of Piri. */
const TRUSTED: readonly string[] = [
  SYSTEM,
  ADMINISTRATORS,
  MANAGER_SERVICE_SID,
];

/** Names of groups, which Windows would tell in its own language. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["S-1-1-0", "Everyone"],
  ["S-1-5-4", "Interactive"],
  ["S-1-5-11", "Authenticated Users"],
  ["S-1-5-32-545", "Users"],
  ["S-1-5-32-546", "Guests"],
  ["S-1-15-2-1", "All Application Packages"],
]);

/** User of this program, and the functions of its Windows. */
export interface RightsOptions {
  readonly security: WindowsSecurity;
  /** True for an elevated user or a service: such a folder is of the system, and the user alone has no rights to it. */
  readonly privileged: boolean;
}

/** Rights to files and folders that nobody but the system, its administrators and this user may have. */
export class WindowsRights {
  readonly #security: WindowsSecurity;
  readonly #privileged: boolean;
  readonly #own: string;

  /** @throws {PiriError} DENIED if Windows does not tell the user */
  constructor({ security, privileged }: RightsOptions) {
    this.#security = security;
    this.#privileged = privileged;
    this.#own = security.ownSid();
  }

  /** Makes a folder with these rights; false if it cannot, as if there is something already. */
  makeFolder(path: string): boolean {
    return this.#security.makeFolder(path, this.#descriptor());
  }

  /**
   * Gives an empty folder these rights, unless it belongs to somebody else.
   *
   * @throws {PiriError} DENIED
   */
  protect(path: string): void {
    this.#requireOwner(path, this.#read(path));
    if (this.#security.protect(path, this.#descriptor())) return;
    throw new PiriError(
      "DENIED",
      `Cannot use "${path}": this user may not change who has rights to it; ${
        this.#grant(path, [])
      }`,
    );
  }

  /**
   * Refuses a folder that somebody else owns or has rights to.
   *
   * @throws {PiriError} DENIED, with the line that mends it
   */
  requireFolder(path: string): void {
    const { entries, ...descriptor } = this.#read(path);
    this.#requireOwner(path, descriptor);
    const others = this.#othersIn(entries);
    if (others.length === 0) return;
    throw this.#shared(path, others, this.#grant(path, others));
  }

  /** Refuses a file that somebody else owns or has rights to. Throws as `requireFolder`. */
  requireFile(path: string): void {
    const { entries, ...descriptor } = this.#read(path);
    this.#requireOwner(path, descriptor);
    const others = this.#othersIn(entries);
    if (others.length === 0) return;
    // Once its own rights are reset, it has those of its folder.
    throw this.#shared(path, others, `run icacls "${path}" /reset`);
  }

  #shared(
    path: string,
    others: readonly AccessEntry[],
    next: string,
  ): PiriError {
    const names = [...new Set(others.map(({ sid }) => nameOf(sid)))];
    return new PiriError(
      "DENIED",
      `Cannot use "${path}": others have rights to it (${
        names.join(", ")
      }); ${next}`,
    );
  }

  #read(path: string): SecurityDescriptor {
    const descriptor = this.#security.read(path);
    if (descriptor !== undefined) return descriptor;
    throw new PiriError(
      "DENIED",
      `Cannot use "${path}": this user may not see who has rights to it`,
    );
  }

  #requireOwner(
    path: string,
    { owner }: Pick<SecurityDescriptor, "owner">,
  ): void {
    const owners = [...TRUSTED, this.#own];
    if (owner !== undefined && owners.includes(owner)) return;
    const wanted = this.#privileged ? ADMINISTRATORS : this.#own;
    throw new PiriError(
      "DENIED",
      `Cannot use "${path}": its owner ${
        nameOf(owner ?? "")
      } can let others read it; remove it, or if you know the owner, run icacls "${path}" /setowner "*${wanted}" /T`,
    );
  }

  /** Entries that let somebody else in. */
  #othersIn(entries: SecurityDescriptor["entries"]): readonly AccessEntry[] {
    // No list means that everybody has all rights.
    if (entries === undefined) return [EVERYONE];
    const known = [...TRUSTED, this.#own, ...OWNERS];
    return entries.filter(({ kind, sid, mask }) =>
      kind !== "deny" && mask !== 0 && !known.includes(sid)
    );
  }

  /** Users and groups that have rights. */
  #sids(): string[] {
    return [
      ...new Set([
        SYSTEM,
        ADMINISTRATORS,
        ...(this.#privileged ? [] : [this.#own]),
      ]),
    ];
  }

  #descriptor(): Uint8Array<ArrayBuffer> {
    return encodePrivateDescriptor({
      owner: this.#privileged ? ADMINISTRATORS : undefined,
      sids: this.#sids(),
    });
  }

  /** Line that takes the rights from these entries. Quoted so that both shells of Windows take it. */
  #grant(path: string, others: readonly AccessEntry[]): string {
    const explicit = others.filter(({ sid, inherited }) =>
      sid !== "" && !inherited
    );
    return [
      `run icacls "${path}" /inheritance:r /grant:r`,
      ...this.#sids().map((sid) => `"*${sid}:(OI)(CI)F"`),
      ...[...new Set(explicit.map(({ sid }) => `/remove:g "*${sid}"`))],
    ].join(" ");
  }
}

const EVERYONE: AccessEntry = {
  kind: "allow",
  sid: "S-1-1-0",
  mask: 1,
  inherited: false,
};

function nameOf(sid: string): string {
  const name = NAMES.get(sid);
  if (name !== undefined) return `${name} ${sid}`;
  return sid === "" ? "that is not known" : sid;
}
