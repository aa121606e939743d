import { userInfo } from "node:os";

/** Own user of this process, by number and name. */
export interface OwnUser {
  readonly uid: number | null;
  readonly name: () => string;
}

/** User that runs this program. */
export const thisUser: OwnUser = {
  uid: Deno.build.os === "windows" ? null : Deno.uid(),
  name: () => userInfo().username,
};

/**
 * Name of a user by its number: from the text of /etc/passwd, or from the system for the own user, whom a directory
 * service may know. Any other user is "uid" and the number.
 */
export function userName(
  uid: number,
  { passwd, own }: { readonly passwd: string; readonly own: OwnUser },
): string {
  const found = passwd.split("\n").map((line) => line.split(":"))
    .find(([name, , id]) => name !== "" && id === String(uid));
  if (found?.[0] !== undefined) return found[0];
  try {
    return uid === own.uid ? own.name() : `uid ${uid}`;
  } catch {
    return `uid ${uid}`;
  }
}
