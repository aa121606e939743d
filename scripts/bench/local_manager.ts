import { connectControl, type Control } from "../../lib/api/client.ts";
import { run } from "../build/run.ts";
import { Daemon } from "../local/daemon.ts";
import { freePort } from "../local/free_port.ts";
import type { Programs } from "../local/programs.ts";
import { TempFolder } from "../local/temp_folder.ts";

/** A new Manager as a process of its own, in a folder that goes away with it. */
export class LocalManager implements AsyncDisposable {
  private constructor(
    readonly dir: string,
    readonly daemon: Daemon,
    readonly control: Control,
    readonly undo: AsyncDisposableStack,
  ) {}

  static async start(programs: Programs): Promise<LocalManager> {
    await using undo = new AsyncDisposableStack();
    const folder = undo.use(await TempFolder.make("piri-bench-"));
    const dir = folder.at("manager");
    const where = ["--dir", dir];
    const listen = ["--listen", `127.0.0.1:${freePort()}`];
    await run([...programs.manager, "init", ...where, ...listen]);
    const argv = [...programs.manager, "serve", ...where];
    const daemon = undo.use(new Daemon("piri-manager serve", { argv }));
    await daemon.line();
    const control = undo.use(await connectControl(dir));
    return new LocalManager(dir, daemon, control, undo.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.undo.disposeAsync();
  }
}
