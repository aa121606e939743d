import { dirname, join } from "@std/path";
import { HostFiles } from "../host_files.ts";
import type { ServiceName } from "../service_host.ts";
import { commandLineOf, readCommandLine } from "./command_line.ts";
import type { WindowsParts } from "./services.ts";

/** Files of a Windows. The link to the version in use is the line by which Windows starts the service. */
export class WindowsFiles extends HostFiles {
  readonly #name: ServiceName;
  readonly #windows: WindowsParts;

  constructor(name: ServiceName, windows: WindowsParts, root = "") {
    super(root);
    this.#name = name;
    this.#windows = windows;
  }

  override async readLink(path: string): Promise<string | undefined> {
    if (!isCurrent(path)) return await super.readLink(path);
    const slot = /[\\/]versions[\\/]([^\\/]+)[\\/]/.exec(
      this.#line.executable ?? "",
    )?.[1];
    return slot === undefined ? undefined : `versions/${slot}`;
  }

  override async link(path: string, target: string): Promise<boolean> {
    if (!isCurrent(path)) return await super.link(path, target);
    if (await this.readLink(path) === target) return false;
    const { dir = "" } = this.#line;
    const slot = target.slice("versions/".length);
    const root = path.slice(0, -"/current".length);
    const executable = slotProgram(root, slot, this.#name);
    const line = commandLineOf({ executable, dir });
    this.#windows.services.setCommandLine(this.#name, line);
    return true;
  }

  /** Copies a program in the place of one that may run: that one is put aside. */
  override async secondName(program: string, name: string): Promise<void> {
    await this.#removeAside(dirname(name));
    if (await this.exists(name)) await this.putAside(name, dirname(name));
    await this.copyProgram(program, name);
  }

  /** Removes a file; if it runs, at the next start of the system, and from another folder. */
  async putAside(path: string, folder: string): Promise<void> {
    try {
      await this.remove(path);
    } catch {
      const later = join(folder, `${ASIDE}${crypto.randomUUID()}.exe`);
      await this.moveProgram(path, later);
      this.#windows.removeLater(this.at(later));
    }
  }

  /** Removes what was put aside and has ended since. */
  async #removeAside(folder: string): Promise<void> {
    for (const name of await this.list(folder)) {
      if (!name.startsWith(ASIDE)) continue;
      await this.remove(join(folder, name)).catch(() => {});
    }
  }

  get #line(): { readonly executable?: string; readonly dir?: string } {
    const { commandLine } = this.#windows.services.read(this.#name) ?? {};
    return readCommandLine(commandLine ?? "");
  }
}

/** Beginning of the names of programs that ran when they were removed. */
const ASIDE = "removed-";

/** Windows of this host, with its files as the service of a program sees them. */
export interface WindowsHost extends WindowsParts {
  readonly files: WindowsFiles;
}

/** Path of the program in the slot of a version. */
export function slotProgram(
  root: string,
  version: string,
  name: ServiceName,
): string {
  return join(root, "versions", version, `${name}.exe`);
}

function isCurrent(path: string): boolean {
  return path.endsWith("/current");
}
