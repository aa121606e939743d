import { assertEquals } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import type { Executables } from "./executables.ts";
import type { Fleet } from "./fleet.ts";
import { type Ended, LiveProgram } from "./live_program.ts";

/** Laptop of an operator: a configuration folder with one login, and no state folder. */
export class Laptop {
  private constructor(
    readonly name: string,
    readonly argv: readonly string[],
    readonly env: Readonly<Record<string, string>>,
  ) {}

  static async loggedIn(
    name: string,
    line: string,
    { manager: argv }: Executables,
    fleet: Fleet,
  ): Promise<Laptop> {
    const home = fleet.folder.at(`laptop of ${name}`);
    const laptop = new Laptop(name, argv, {
      NO_COLOR: "1",
      HOME: home,
      XDG_CONFIG_HOME: `${home}/config`,
      XDG_STATE_HOME: `${home}/state`,
      APPDATA: home,
      LOCALAPPDATA: home,
    });
    const { code, stderr } = await laptop.does(
      ...["login", "--name", "fleet", line],
    );
    assertEquals([code, stderr], [ExitCode.ok, ""]);
    return laptop;
  }

  start(...args: string[]): LiveProgram {
    const env = { ...this.env, PIRI_MANAGER: "fleet" };
    return new LiveProgram(`${this.name}: ${args[0]}`, [
      ...this.argv,
      ...args,
    ], args[0] === "login" ? this.env : env);
  }

  async does(...args: string[]): Promise<Ended> {
    await using ran = this.start(...args);
    return await ran.end();
  }
}
