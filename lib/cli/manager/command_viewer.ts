import type { Command } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import type { ColourChoice } from "../colour.ts";
import { askShortly, type FindPlaces, placesFrom } from "./command_places.ts";
import { complaintOf } from "../errors.ts";
import { worst } from "../exit_code.ts";
import { OutputLost, type Terminal } from "../terminal.ts";
import { Follower } from "./follower.ts";
import { JsonView } from "./json_view.ts";
import { LiveView, type Style } from "./live_view.ts";
import { readableRecords } from "./record_view.ts";
import type { RetryingClient } from "./retrying_client.ts";
import { exitCodeOfCommand } from "./states.ts";
import type { View } from "./view.ts";
import { whileRead } from "./while_read.ts";

/** Terminal and format of a view of commands. */
export interface ViewOptions {
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly raw: boolean;
  readonly colour?: ColourChoice | undefined;
  /** Times in front of lines; none if absent. */
  readonly times?: "local" | "utc" | undefined;
  /** Exit code for commands that have ended; the worst of theirs by default. */
  readonly exitCodeOf?: (commands: readonly Command[]) => number;
}

/** Shows commands at a terminal until they end. */
export class CommandViewer {
  readonly follower: Follower;
  readonly #terminal: Terminal;
  readonly #view: View;
  readonly #exitCodeOf: (commands: readonly Command[]) => number;

  constructor(
    commands: readonly Command[],
    { client, options }: { client: RetryingClient; options: ViewOptions },
  ) {
    const { terminal, json } = options;
    this.#terminal = terminal;
    const ask = askShortly(client);
    this.#view = json
      ? new JsonView(terminal, ask)
      : liveView(commands, options, placesFrom(ask));
    this.#exitCodeOf = options.exitCodeOf ?? worstOf;
    this.follower = new Follower(commands, client, this.#view);
  }

  /** Exit code of all commands together, once they have ended. */
  get exitCode(): number {
    return this.#exitCodeOf(this.follower.commands);
  }

  /**
   * Shows output and changes until all commands have ended. Returns their common exit code.
   *
   * @throws what ended the waiting early, and OutputLost; but for that the summary says where things stood.
   */
  async wait(signal: AbortSignal): Promise<number> {
    const { follower } = this;
    try {
      await whileRead(
        this.#terminal,
        signal,
        (signal) => follower.follow(signal),
      );
    } catch (error) {
      if (!(error instanceof OutputLost)) {
        const { exitCode } = complaintOf(error);
        await this.#view.close(follower.commands, exitCode);
      }
      throw error;
    }
    const { exitCode } = this;
    await this.#view.close(follower.commands, exitCode);
    return exitCode;
  }
}

function worstOf(commands: readonly Command[]): number {
  return worst(commands.map(exitCodeOfCommand));
}

function liveView(
  commands: readonly Command[],
  options: ViewOptions,
  find: FindPlaces,
): View {
  const { terminal, colour, times, raw } = options;
  const style = styleOf(commands, options);
  const view = new LiveView(commands, { terminal, style, colour, times });
  return raw ? view : readableRecords(view, find);
}

function styleOf(
  commands: readonly Command[],
  { raw, times }: ViewOptions,
): Style {
  if (raw) return "raw";
  if (times !== undefined) return "lines";
  return commands.length !== 1 ? "lines" : "named";
}
