import type { ServiceName } from "./service/service_host.ts";
import type { WindowsHost } from "./service/windows/windows_files.ts";

/** Windows of this host, for the service of a program. Its parts are loaded there only: nobody else has the libraries. */
export async function windowsFor(name: ServiceName): Promise<WindowsHost> {
  const { thisWindows } = await import("./service/windows/parts.ts");
  return thisWindows(name);
}
