import {
  openWindowsLibrary,
  wideText,
  type WindowsLibrary,
} from "../../base/windows_library.ts";
import type { RegistryText, WindowsRegistry } from "./services.ts";
import { textAt, windowsError } from "./win32.ts";

const ATTEMPT = "change the registry";

/** HKEY_LOCAL_MACHINE, which is a negative number as a handle. */
const LOCAL_MACHINE = -0x7fff_fffen;

const REG_SZ = 1;
const REG_EXPAND_SZ = 2;
const REG_DWORD = 4;

/** Any text, with the names of variables in it as they are. */
const ANY_TEXT = 0x1000_0006;

/** Greatest size of a value, in bytes: that of a variable. */
const MAX_VALUE_BYTES = 65_536;

const NOT_FOUND = 2;

/** Message that variables have changed, to all windows: WM_SETTINGCHANGE, Microsoft Learn. */
const BROADCAST = 0xffffn;
const SETTING_CHANGE = 0x001a;
const ABORT_IF_HUNG = 2;
const ANNOUNCED_MS = 2_000;

const ADVAPI = {
  RegGetValueW: {
    parameters: [
      "isize",
      "buffer",
      "buffer",
      "u32",
      "buffer",
      "buffer",
      "buffer",
    ],
    result: "i32",
  },
  RegSetKeyValueW: {
    parameters: ["isize", "buffer", "buffer", "u32", "buffer", "u32"],
    result: "i32",
  },
  RegDeleteTreeW: { parameters: ["isize", "buffer"], result: "i32" },
} as const;

/** The registry of this Windows. Its library stays open until the program ends. */
export class Registry implements WindowsRegistry {
  readonly #advapi: WindowsLibrary<typeof ADVAPI>;

  /** @throws {PiriError} DENIED if this program may load no libraries */
  constructor() {
    this.#advapi = openWindowsLibrary("advapi32.dll", ADVAPI, ATTEMPT);
  }

  read(key: string, name: string): RegistryText | undefined {
    const type = new Uint32Array(1);
    const bytes = new Uint8Array(MAX_VALUE_BYTES);
    const size = new Uint32Array([bytes.length]);
    const code = this.#advapi.symbols.RegGetValueW(
      LOCAL_MACHINE,
      wideText(key),
      wideText(name),
      ANY_TEXT,
      new Uint8Array(type.buffer),
      bytes,
      new Uint8Array(size.buffer),
    );
    if (code === NOT_FOUND) return undefined;
    if (code !== 0) throw windowsError(`read "${name}" of "${key}"`, code);
    return {
      type: type[0] === REG_EXPAND_SZ ? "expanded" : "plain",
      text: textAt(bytes, 0),
    };
  }

  write(key: string, name: string, { type, text }: RegistryText): void {
    const kind = type === "expanded" ? REG_EXPAND_SZ : REG_SZ;
    this.#set(key, name, kind, wideText(text));
  }

  writeNumber(key: string, name: string, value: number): void {
    const bytes = new Uint8Array(new Uint32Array([value]).buffer);
    this.#set(key, name, REG_DWORD, bytes);
  }

  remove(key: string): void {
    const code = this.#advapi.symbols.RegDeleteTreeW(
      LOCAL_MACHINE,
      wideText(key),
    );
    if (code === 0 || code === NOT_FOUND) return;
    throw windowsError(`remove "${key}" from the registry`, code);
  }

  announceVariables(): void {
    using user = openWindowsLibrary("user32.dll", {
      SendMessageTimeoutW: {
        parameters: [
          "isize",
          "u32",
          "isize",
          "buffer",
          "u32",
          "u32",
          "pointer",
        ],
        result: "isize",
      },
    }, ATTEMPT);
    user.symbols.SendMessageTimeoutW(
      BROADCAST,
      SETTING_CHANGE,
      0n,
      wideText("Environment"),
      ABORT_IF_HUNG,
      ANNOUNCED_MS,
      null,
    );
  }

  #set(
    key: string,
    name: string,
    type: number,
    bytes: Uint8Array<ArrayBuffer>,
  ): void {
    const code = this.#advapi.symbols.RegSetKeyValueW(
      LOCAL_MACHINE,
      wideText(key),
      wideText(name),
      type,
      bytes,
      bytes.length,
    );
    if (code === 0) return;
    throw windowsError(`write "${name}" of "${key}"`, code);
  }
}
