import type { Client } from "@connectrpc/connect";
import type {
  AgentsService,
  CommandsService,
  EventsService,
  StatusService,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import type { LogOptions } from "../../base/log.ts";

/** What the manager's subcommands need of the rest of the program. */
export interface ManagerServices {
  /**
   * Makes a state folder: authority, certificate, keys, database.
   *
   * @throws {PiriError} ALREADY_EXISTS if the folder is in use; INVALID_ARGUMENT for an address.
   */
  init(options: {
    readonly dir: string;
    readonly listen: string;
    readonly advertise: string | undefined;
  }): Promise<Initialized>;
  /**
   * Runs the Manager until the signal is aborted, and resolves when it has come to rest. `onReady` is called once agents
   * and clients can connect.
   */
  serve(
    options: {
      readonly dir: string;
      readonly log: Partial<LogOptions>;
      /** Whether a plain-TCP front takes the connections, also if the configuration does not ask for one. */
      readonly guard: boolean;
    },
    life: {
      readonly signal: AbortSignal;
      readonly onReady: (ready: Ready) => void;
    },
  ): Promise<void>;
  /**
   * Finds the Manager of this state folder.
   *
   * @throws {PiriError} UNAVAILABLE if it is not running; DENIED if this user may not.
   */
  connect(dir: string): Promise<Control>;
}

/** What `init` has made. */
export interface Initialized {
  readonly dir: string;
  /** The files' paths. */
  readonly files: readonly string[];
  /** SHA-256 of the authority's certificate, as people compare it. */
  readonly fingerprint: string;
  readonly listen: string;
  readonly advertise: string;
}

/** Where a Manager is to be found once it runs. */
export interface Ready {
  /** Where agents connect to, with the port that was chosen. */
  readonly listen: string;
  /** Where the control API is: a socket's path or a URL. */
  readonly control: string;
}

/** The control API of a running Manager. */
export interface Control extends Disposable {
  readonly agents: Client<typeof AgentsService>;
  readonly commands: Client<typeof CommandsService>;
  readonly events: Client<typeof EventsService>;
  readonly status: Client<typeof StatusService>;
}
