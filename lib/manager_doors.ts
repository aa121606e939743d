import { type ControlServer, serveControl } from "./api/server.ts";
import { type Address, formatAddress } from "./base/address.ts";
import type { Clock } from "./base/clock.ts";
import { SHARED_CONTROL_FOLDER } from "./base/paths.ts";
import type { Random } from "./base/random.ts";
import { thisUser, userName } from "./base/user_name.ts";
import type { ManagerCore } from "./manager/core.ts";
import { ControlDoor } from "./manager/door/control_door.ts";
import type { CertifiedIdentity, Door } from "./manager/door/door.ts";
import { DueRenewal } from "./manager/keys/due_renewal.ts";
import type { ManagerKeys } from "./manager_keys.ts";
import { GUARD_LIMITS } from "./manager/door/guard.ts";
import { openDoor } from "./manager/door/open_door.ts";
import type { Manager } from "./manager/api/operator_api.ts";
import type { ManagerConfig } from "./manager/state/config.ts";
import {
  namesWith,
  renewServerIdentity,
} from "./manager/state/renew_identity.ts";
import type { ManagerState } from "./manager/state/state_folder.ts";
import type { ServerIdentity } from "./manager/state/server_identity.ts";

/** Parts of the doors. */
export interface ManagerDoorsOptions {
  readonly core: ManagerCore;
  readonly manager: Manager;
  readonly state: ManagerState;
  readonly keys: Pick<ManagerKeys, "authority">;
  readonly options: {
    readonly clock: Clock;
    readonly random: Random;
    /** State folder, in which clients on this machine look. */
    readonly dir: string;
    /** Address for agents instead of the one in the configuration. */
    readonly listen?: Address | undefined;
    /** Address for operators on other machines instead of the one in the configuration. */
    readonly controlListen?: Address | undefined;
    /** Puts a guard before the agents, even if the configuration does not. */
    readonly guard?: boolean;
  };
}

/** Doors of a Manager, for agents and for operators, here and on other machines, with the certificate that they show. */
export class ManagerDoors {
  readonly #parts: ManagerDoorsOptions;
  readonly #config: ManagerConfig;
  readonly #dueRenewal: DueRenewal;
  #server: ServerIdentity;
  #agents: Door | undefined;
  #here: ControlServer | undefined;
  #elsewhere: ControlDoor | undefined;

  constructor(parts: ManagerDoorsOptions) {
    this.#parts = parts;
    this.#config = parts.state.config;
    this.#server = parts.state.server;
    this.#dueRenewal = new DueRenewal(parts.options.clock);
  }

  /** Address for agents, "host:port". */
  get listen(): string {
    return this.#agents === undefined
      ? ""
      : formatAddress(this.#agents.address);
  }

  /** Port for agents. */
  get port(): number {
    return this.#agents?.port ?? 0;
  }

  /** Address of the control API on this machine. */
  get control(): string {
    return this.#here?.address ?? "";
  }

  /** Address for operators on other machines, "host:port"; undefined if there is none. */
  get controlPort(): string | undefined {
    return this.#elsewhere && formatAddress(this.#elsewhere.address);
  }

  /** End of the validity of the certificate, in milliseconds since 1970. */
  get certificateExpiresAt(): number {
    return this.#server.expiresAt;
  }

  /**
   * Opens the doors.
   *
   * @throws {PiriError} UNAVAILABLE if one cannot listen, FAILED_PRECONDITION if another Manager serves the folder: then
   * none is open
   */
  async open(): Promise<void> {
    const { core, manager, options } = this.#parts;
    const { clock, random, dir } = options;
    const { listen, guard } = this.#config;
    await this.#renewIdentity();
    this.#agents = await openDoor({
      listen: options.listen ?? listen,
      identity: this.#certified,
      clock,
      counters: core.counters,
      limits: guard ?? (options.guard ? GUARD_LIMITS : undefined),
      serve: (transport) => core.serve(transport),
    });
    try {
      this.#here = await serveControl({
        manager,
        stateDir: dir,
        random,
        userName: nameOfUser,
        sharedDir: sharedFolder(),
      });
      this.#openElsewhere(this.#here);
    } catch (error) {
      await this.#here?.close();
      await this.#agents.close();
      throw error;
    }
  }

  /** Renews the certificate if need be, and returns true if so. Live connections stay; new ones get the new certificate. */
  async renew(): Promise<boolean> {
    if (!await this.#renewIdentity()) return false;
    await this.#showIdentity();
    return true;
  }

  /** The certificate that is shown, with its key. */
  get identity(): ServerIdentity {
    return this.#server;
  }

  /** Host names and IP addresses that the certificate should have. */
  get names(): readonly string[] {
    return namesWith(this.#server, this.#place?.host);
  }

  /** Shows another certificate to newcomers. Live connections stay. */
  async show(identity: ServerIdentity): Promise<void> {
    this.#server = identity;
    await this.#showIdentity();
    this.#offerControl();
  }

  /** Stops accepting from other machines. */
  async close(): Promise<void> {
    await this.#agents?.close();
    await this.#elsewhere?.close();
  }

  /** Ends what is still open. Called after `close`, once agents were told. */
  async end(): Promise<void> {
    this.#agents?.end();
    await this.#here?.close();
    await this.#elsewhere?.end();
  }

  /** The certificate, and the authority in use, which has signed it. */
  get #certified(): CertifiedIdentity {
    return { ...this.#server, authority: this.#parts.keys.authority.hash };
  }

  async #showIdentity(): Promise<void> {
    await this.#agents?.renew(this.#certified);
    this.#elsewhere?.renew(this.#server);
  }

  async #renewIdentity(): Promise<boolean> {
    const { core, state, options: { clock, random } } = this.#parts;
    const renewal = await renewServerIdentity(
      { ...state, server: this.#server },
      { clock, random, needed: this.#place?.host },
    );
    if (renewal.kind === "no key") {
      this.#dueRenewal.tell(core.events, this.#server);
    }
    if (renewal.kind !== "renewed") return false;
    this.#server = renewal.identity;
    return true;
  }

  /** Address for operators on other machines to listen on; undefined if there is none. */
  get #controlListen(): Address | undefined {
    return this.#parts.options.controlListen ?? this.#config.control;
  }

  /** Address that operators on other machines are told, before the port is chosen. */
  get #place(): Address | undefined {
    const { controlAdvertise, advertise: { host } } = this.#config;
    const listen = this.#controlListen;
    return listen && (controlAdvertise ?? { host, port: listen.port });
  }

  #openElsewhere(here: ControlServer): void {
    const listen = this.#controlListen;
    const place = this.#place;
    if (listen === undefined || place === undefined) return;
    const { core, options } = this.#parts;
    const door = new ControlDoor({
      listen,
      identity: this.#server,
      clock: options.clock,
      counters: core.counters,
      serve: (port) => here.serveTls(port),
    });
    this.#elsewhere = door;
    this.#offerControl();
  }

  /** Names the port for operators on other machines, with the authority in use, to those who log in from now on. */
  #offerControl(): void {
    const { core, keys: { authority } } = this.#parts;
    const place = this.#place;
    if (place === undefined || this.#elsewhere === undefined) return;
    const address = formatAddress(
      this.#config.controlAdvertise ??
        { host: place.host, port: this.#elsewhere.address.port },
    );
    core.offerControl({ address, caCertificate: authority.certificate });
  }
}

/** Name of a user of this machine. Read each time, because users come and go. */
async function nameOfUser(uid: number): Promise<string> {
  const passwd = await Deno.readTextFile("/etc/passwd").catch(() => "");
  return userName(uid, { passwd, own: thisUser });
}

/** Folder of the socket for operators of a group, if systemd has made it for this program. */
function sharedFolder(): string | undefined {
  const made = Deno.env.get("RUNTIME_DIRECTORY");
  return made === SHARED_CONTROL_FOLDER ? made : undefined;
}
