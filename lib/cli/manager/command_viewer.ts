import type { Command } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import type { ColourChoice } from "../colour.ts";
import { complaintOf } from "../errors.ts";
import { type ExitCode, worst } from "../exit_code.ts";
import { NobodyReads, type Terminal } from "../terminal.ts";
import { Follower } from "./follower.ts";
import { JsonView } from "./json_view.ts";
import { LiveView, type Style } from "./live_view.ts";
import type { RetryingClient } from "./retrying_client.ts";
import { exitCodeOfCommand } from "./states.ts";
import type { View } from "./view.ts";

/** Terminal and format of a view of commands. */
export interface ViewOptions {
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly raw: boolean;
  readonly colour?: ColourChoice | undefined;
  /** True if even a single command gets the form of several: which ones there are is chance. */
  readonly forMany?: boolean;
}

/** Shows commands at a terminal until they end. */
export class CommandViewer {
  readonly follower: Follower;
  readonly #view: View;

  constructor(
    commands: readonly Command[],
    { client, options }: { client: RetryingClient; options: ViewOptions },
  ) {
    const { terminal, json, colour } = options;
    this.#view = json ? new JsonView(terminal.stdout) : new LiveView(commands, {
      terminal,
      style: styleOf(commands, options),
      colour,
    });
    this.follower = new Follower(commands, client, this.#view);
  }

  /**
   * Shows output and changes until all commands have ended. Returns their common exit code.
   *
   * @throws what ended the waiting early; the summary says where things stood.
   */
  async wait(signal: AbortSignal): Promise<ExitCode> {
    const { follower } = this;
    try {
      await follower.follow(signal);
    } catch (error) {
      if (error instanceof NobodyReads) {
        for (const id of follower.open) {
          await this.#view.note(`command ${id} goes on running`);
        }
      } else {
        const { exitCode } = complaintOf(error);
        await this.#view.close(follower.commands, exitCode);
      }
      throw error;
    }
    const exitCode = worst(follower.commands.map(exitCodeOfCommand));
    await this.#view.close(follower.commands, exitCode);
    return exitCode;
  }
}

function styleOf(
  commands: readonly Command[],
  { raw, forMany = false }: ViewOptions,
): Style {
  if (raw) return "raw";
  return forMany || commands.length !== 1 ? "lines" : "named";
}
