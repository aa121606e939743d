import { PiriError } from "../../base/errors.ts";
import type { HostReader } from "../host/host.ts";

/**
 * Refuses what is done by other means on systems that are no Linux.
 *
 * @throws {PiriError} UNSUPPORTED
 */
export function requireLinux(what: string, reader: HostReader): void {
  // The root of an image may have no /proc.
  const marks = ["/etc/os-release", "/proc/sys/kernel"];
  if (marks.some((path) => reader.followed(path) !== undefined)) return;
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot ${what} on this host: that is done on Linux only`,
  );
}
