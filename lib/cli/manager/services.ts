import type { Client } from "@connectrpc/connect";
import type {
  AgentsService,
  BlobsService,
  CommandsService,
  EventsService,
  JobsService,
  StatusService,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import type { LogOptions } from "../../base/log.ts";
import type { Life } from "../life.ts";

/** Parts of the program that the manager's subcommands use. */
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
   * Runs the Manager until it is to stop, and resolves once it has stopped. `onReady` is called when agents and
   * clients can connect.
   */
  serve(
    options: {
      readonly dir: string;
      readonly log: Partial<LogOptions>;
      /** Puts a plain-TCP front before the connections, even if the configuration does not. */
      readonly guard: boolean;
    },
    life: Life & { readonly onReady: (ready: Ready) => void },
  ): Promise<void>;
  /**
   * Connects to the Manager of this state folder.
   *
   * @throws {PiriError} UNAVAILABLE if it is not running; DENIED if this user may not.
   */
  connect(dir: string): Promise<Control>;
}

/** Result of `init`. */
export interface Initialized {
  readonly dir: string;
  /** The files' paths. */
  readonly files: readonly string[];
  /** SHA-256 of the authority's certificate, in the form that people compare. */
  readonly fingerprint: string;
  readonly listen: string;
  readonly advertise: string;
}

/** Addresses of a running Manager. */
export interface Ready {
  /** Address for agents, with the actual port. */
  readonly listen: string;
  /** Address of the control API: the path of a socket, or a URL. */
  readonly control: string;
}

/** The control API of a running Manager. */
export interface Control extends Disposable {
  readonly agents: Client<typeof AgentsService>;
  readonly blobs: Client<typeof BlobsService>;
  readonly commands: Client<typeof CommandsService>;
  readonly jobs: Client<typeof JobsService>;
  readonly events: Client<typeof EventsService>;
  readonly status: Client<typeof StatusService>;
}
