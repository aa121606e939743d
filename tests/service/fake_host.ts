import { HostFiles } from "../../lib/service/host_files.ts";
import type { HostSystem, Ran } from "../../lib/service/host_system.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** Host in a temporary folder. Its programs answer as a test says, and note their lines. */
export class FakeHost implements HostSystem, AsyncDisposable {
  readonly files: HostFiles;
  readonly variables: Record<string, string> = { HOME: "/home/ann" };
  /** Lines that were run. */
  readonly lines: string[] = [];
  /** Answers by the beginnings of lines; the first that fits. Without one a program prints nothing and succeeds. */
  readonly answers: [string, Partial<Ran> | (() => Partial<Ran>)][] = [];
  /** Processes that were asked to restart. */
  readonly askedToRestart: number[] = [];
  onAskedToRestart: () => void = () => {};
  os: typeof Deno.build.os = "linux";
  isRoot = true;

  private constructor(readonly folder: TempFolder) {
    this.files = new HostFiles(folder.path);
  }

  /** Makes a host on which these paths exist. */
  static async with(...paths: readonly string[]): Promise<FakeHost> {
    const host = new FakeHost(await TempFolder.make());
    for (const path of paths) await host.files.makeFolder(path);
    return host;
  }

  env = (name: string): string | undefined => this.variables[name];

  run = (...words: readonly string[]): Promise<Ran> => {
    const line = words.join(" ");
    this.lines.push(line);
    const [, answer = {}] =
      this.answers.find(([beginning]) => line.startsWith(beginning)) ?? [];
    return Promise.resolve({
      code: 0,
      stdout: "",
      stderr: "",
      ...typeof answer === "function" ? answer() : answer,
    });
  };

  askToRestart = (pid: number): void => {
    this.askedToRestart.push(pid);
    this.onAskedToRestart();
  };

  /** Lines since the last call that change something. */
  takeChanges(): string[] {
    const looks =
      /^(systemctl (--user )?show|rc-update show|rc-service \S+ status|launchctl print|id |getent |\S+ --version)/;
    return this.lines.splice(0).filter((line) => !looks.test(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]();
  }
}

/** Answers of a systemd that knows one unit. */
export class FakeSystemd {
  unit: Record<string, string> = {
    LoadState: "not-found",
    ActiveState: "inactive",
    SubState: "dead",
    UnitFileState: "",
    MainPID: "0",
    NRestarts: "0",
    StatusText: "",
    FragmentPath: "",
    ActiveEnterTimestamp: "",
  };
  /** True if a start ends without a running process, as where a condition fails. */
  starts = true;

  constructor(host: FakeHost, path: string) {
    const set = (change: Record<string, string>) => () => {
      Object.assign(this.unit, change);
      return {};
    };
    const running = {
      ActiveState: "active",
      SubState: "running",
      MainPID: "17",
      ActiveEnterTimestamp: "Fri 2026-11-27 20:03:00 UTC",
    };
    const dead = { ActiveState: "inactive", SubState: "dead", MainPID: "0" };
    for (const user of ["", "--user "]) {
      const systemctl = `systemctl ${user}`;
      host.answers.push(
        [`${systemctl}show`, () => ({
          stdout: Object.entries(this.unit).map(([key, value]) =>
            `${key}=${value}\n`
          ).join(""),
        })],
        [
          `${systemctl}daemon-reload`,
          set({ LoadState: "loaded", FragmentPath: path }),
        ],
        [`${systemctl}enable`, set({ UnitFileState: "enabled" })],
        [`${systemctl}disable`, set({ UnitFileState: "disabled" })],
        [`${systemctl}start`, () => this.starts ? set(running)() : {}],
        [`${systemctl}restart`, set(running)],
        [`${systemctl}stop`, set(dead)],
      );
    }
  }
}
