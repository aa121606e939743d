import { connectControl } from "../../lib/api/client.ts";
import { PiriError } from "../../lib/base/errors.ts";
import type { Daemon } from "../local/daemon.ts";
import { freePort } from "../local/free_port.ts";
import type { TempFolder } from "../local/temp_folder.ts";
import { until } from "../local/until.ts";
import { type HostLines, hostLines } from "./host_lines.ts";
import type { Screen } from "./screen.ts";
import type { Shell } from "./shell.ts";

/** Names of the agents in the demo. */
const AGENTS = ["web-1", "web-2", "web-3"] as const;

/** Parts that the story needs. */
export interface StoryOptions {
  readonly shell: Shell;
  readonly screen: Screen;
  readonly folder: TempFolder;
  /** Programs in the background are added here; the owner of the list ends them. */
  readonly daemons: Daemon[];
  readonly signal: AbortSignal;
}

/** A Manager and three Agents from nothing, and the usual things that one does with them. */
export class Story {
  readonly #options: StoryOptions;
  readonly #dir: string;
  readonly #lines: HostLines = hostLines(Deno.build.os);

  constructor(options: StoryOptions) {
    this.#options = options;
    this.#dir = options.folder.at("manager");
  }

  /** Runs all steps. Throws if a command does not end as it should. */
  async tell(): Promise<void> {
    const { screen } = this.#options;
    screen.title(
      "A Manager: its authority, keys and database, and the service",
    );
    await this.#startManager();
    screen.title("Three agents: a token each to join with, and the service");
    await this.#startAgents();
    await this.#manager("agents");
    screen.title("A program on all of them");
    await this.#manager("run", "web-*", "--", ...this.#lines.whichSystem);
    screen.title("Output is shown as it comes");
    await this.#manager(
      ...["run", "web-*", "--stream", "--shell", this.#lines.countSlowly],
    );
    screen.title("A failure is the exit code");
    await this.#fails(1, "run", "web-2", "--shell", this.#lines.fail);
    screen.title("What takes too long is cancelled, with all its processes");
    const id = await this.#detach("web-3", this.#lines.takeLong);
    await this.#manager("cancel", id);
    await this.#fails(7, "watch", id);
    screen.title("All of it is in the database");
    await this.#manager("commands");
  }

  async #startManager(): Promise<void> {
    const { shell, screen, daemons } = this.#options;
    await this.#manager("init", "--listen", `127.0.0.1:${freePort()}`);
    const serve = {
      program: "manager",
      args: ["serve"],
      dir: this.#dir,
    } as const;
    const manager = shell.start(serve, "piri-manager serve");
    daemons.push(manager);
    screen.line(await manager.line());
  }

  async #startAgents(): Promise<void> {
    const { shell, daemons, folder } = this.#options;
    // Run them side by side; each is shown when it ends.
    await Promise.all(AGENTS.map((name) => {
      const dir = folder.at(name);
      return shell.pipe(
        { program: "manager", args: ["agent", "add", name], dir: this.#dir },
        { program: "agent", args: ["join", "-"], dir },
      );
    }));
    for (const name of AGENTS) {
      const run = {
        program: "agent",
        args: ["run"],
        dir: folder.at(name),
      } as const;
      daemons.push(shell.start(run, `piri-agent run of ${name}`));
    }
    await this.#allConnected();
  }

  async #allConnected(): Promise<void> {
    const { daemons, signal } = this.#options;
    const gone = Promise.race(daemons.map(async ({ name, ended }) => {
      const { code } = await ended;
      throw new PiriError(
        "UNAVAILABLE",
        `Cannot go on: "${name}" ended with ${code}`,
      );
    }));
    using control = await connectControl(this.#dir);
    await Promise.race([
      gone,
      until("all agents are connected", async () => {
        const { agents } = await control.agents.listAgents({}, { signal });
        return agents.every(({ connected }) => connected);
      }, { signal }),
    ]);
    gone.catch(() => {}); // they end with the demo
  }

  #manager(...args: string[]): Promise<void> {
    return this.#fails(0, ...args);
  }

  #fails(expected: number, ...args: string[]): Promise<void> {
    const { shell } = this.#options;
    return shell.run({ program: "manager", args, dir: this.#dir }, {
      expected,
    });
  }

  async #detach(agent: string, argv: readonly string[]): Promise<string> {
    const args = ["run", agent, "--detach", "--", ...argv];
    const { shell } = this.#options;
    const id = await shell.read({ program: "manager", args, dir: this.#dir });
    return id.trim();
  }
}
