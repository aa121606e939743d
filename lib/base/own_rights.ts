import { thisHost } from "./paths.ts";
import { WindowsRights } from "./windows_rights.ts";
import { windowsSecurity } from "./windows_security.ts";

/** Rights of the user that runs this program, on this Windows. */
export function ownRights(): WindowsRights {
  const { privileged } = thisHost();
  return new WindowsRights({ security: windowsSecurity, privileged });
}
