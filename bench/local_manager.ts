import { connectControl, type Control } from "../lib/api/client.ts";
import { run } from "../scripts/build/run.ts";
import { Daemon } from "../scripts/local/daemon.ts";
import { freePort } from "../scripts/local/free_port.ts";
import type { Programs } from "../scripts/local/programs.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import { until } from "../scripts/local/until.ts";

/** A Manager in a process and a temporary folder of its own. It can be ended and started again. */
export class LocalManager implements AsyncDisposable {
  readonly dir: string;
  readonly #folder: TempFolder;
  readonly #argv: readonly string[];
  #running: { daemon: Daemon; control: Control } | undefined;

  private constructor(folder: TempFolder, { manager }: Programs) {
    this.#folder = folder;
    this.dir = folder.at("manager");
    this.#argv = [...manager, "serve", "--dir", this.dir];
  }

  /** Starts a new Manager. `prepare` gets its folder before the first start. */
  static async start(
    programs: Programs,
    { prepare }: { prepare?: (dir: string) => void | Promise<void> } = {},
  ): Promise<LocalManager> {
    await using undo = new AsyncDisposableStack();
    const folder = await TempFolder.make("piri-bench-");
    const manager = undo.use(new LocalManager(folder, programs));
    const where = ["--dir", manager.dir];
    const listen = ["--listen", `127.0.0.1:${freePort()}`];
    await run([...programs.manager, "init", ...where, ...listen]);
    await prepare?.(manager.dir);
    await manager.again();
    undo.move();
    return manager;
  }

  get daemon(): Daemon {
    return this.#now.daemon;
  }

  get control(): Control {
    return this.#now.control;
  }

  /** Starts the Manager again after its end, and returns once agents can connect. */
  async again(): Promise<void> {
    const daemon = new Daemon("piri-manager serve", { argv: this.#argv });
    try {
      await daemon.line();
      this.#running = { daemon, control: await connectControl(this.dir) };
    } catch (error) {
      await daemon.stop();
      throw error;
    }
  }

  /** Ends the Manager at once by SIGKILL, as a power cut would. */
  async kill(): Promise<void> {
    const { daemon } = this.#now;
    Deno.kill(daemon.pid, "SIGKILL");
    await this.stop();
  }

  /** Ends the Manager as an operator would. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.control[Symbol.dispose]();
    await running?.daemon.stop();
  }

  /** Waits until the Manager has this number of connections. */
  async connected(count: number): Promise<void> {
    await until(`the Manager has ${count} agents`, async () => {
      const status = await this.control.status.getStatus({});
      return status.agentsConnected === count;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#folder[Symbol.asyncDispose]();
  }

  get #now(): { daemon: Daemon; control: Control } {
    if (this.#running === undefined) throw new TypeError("It does not run");
    return this.#running;
  }
}
