import { openWindowsLibrary, wideText } from "../../base/windows_library.ts";
import { Registry } from "./registry.ts";
import { ServiceManager } from "./service_manager.ts";
import type { WindowsParts } from "./services.ts";

/** Flag of MoveFileExW: when the system starts again. Without a second name it removes the file. */
const DELAY_UNTIL_REBOOT = 4;

/**
 * Parts of this Windows.
 *
 * @throws {PiriError} DENIED if this program may load no libraries
 */
export function thisWindows(): WindowsParts {
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
