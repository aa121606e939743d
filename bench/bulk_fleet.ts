import { compiled } from "../scripts/local/programs.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import { printedRate, writeBulk } from "./bulk.ts";
import type { LeftOut } from "./pair.ts";
import { NOT_COMPILED, RealFleet } from "./real_fleet.ts";

/** Compiled fleet of one agent, and a large file that its commands print. */
export class BulkFleet implements AsyncDisposable {
  private constructor(
    readonly fleet: RealFleet,
    readonly folder: TempFolder,
    readonly file: string,
    readonly sha256: string,
    readonly undo: AsyncDisposableStack,
  ) {}

  static async open(): Promise<BulkFleet | LeftOut> {
    const programs = await compiled();
    if (programs === undefined) return NOT_COMPILED;
    await using undo = new AsyncDisposableStack();
    const folder = undo.use(await TempFolder.make("piri-bench-"));
    const file = folder.at("bulk");
    const sha256 = await writeBulk(file);
    const fleet = undo.use(await RealFleet.start(programs));
    return new BulkFleet(fleet, folder, file, sha256, undo.move());
  }

  /** Has a command print the file, and returns the megabytes a second. */
  print(...flags: readonly string[]): Promise<number> {
    const argv = this.fleet.run("web-1", ...flags, "--", "cat", this.file);
    return printedRate(argv, this.sha256);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo.disposeAsync();
  }
}
