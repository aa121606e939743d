import { openWindowsLibrary, wideText } from "../../base/windows_library.ts";
import { Registry } from "./registry.ts";
import { ServiceManager } from "./service_manager.ts";
import type { ServiceName } from "../service_host.ts";
import type { WindowsParts } from "./services.ts";
import { WindowsFiles, type WindowsHost } from "./windows_files.ts";

/** Flag of MoveFileExW: when the system starts again. Without a second name it removes the file. */
const DELAY_UNTIL_REBOOT = 4;

/**
 * Opens this Windows, for the service of a program.
 *
 * @throws {PiriError} DENIED if this program may load no libraries
 */
export function thisWindows(name: ServiceName): WindowsHost {
  const parts = partsOf();
  return { ...parts, files: new WindowsFiles(name, parts) };
}

function partsOf(): WindowsParts {
  return {
    services: new ServiceManager(),
    registry: new Registry(),
    removeLater(path) {
      using kernel = openWindowsLibrary("kernel32.dll", {
        MoveFileExW: {
          parameters: ["buffer", "pointer", "u32"],
          result: "i32",
        },
      }, "remove a program");
      // Without the rights for that, the file stays: it is in nobody's way.
      kernel.symbols.MoveFileExW(wideText(path), null, DELAY_UNTIL_REBOOT);
    },
  };
}
