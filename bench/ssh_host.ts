import { PiriError } from "../lib/base/errors.ts";
import { run } from "../scripts/build/run.ts";
import { Daemon } from "../scripts/local/daemon.ts";
import { freePort } from "../scripts/local/free_port.ts";
import { TempFolder } from "../scripts/local/temp_folder.ts";
import { until } from "../scripts/local/until.ts";
import { type BareUser, bareUser } from "./bare_user.ts";
import { pathOf } from "./peer.ts";
import { timed } from "./timed.ts";

/** Largest number of addresses on which one sshd listens. */
const MAX_ADDRESSES = 16;

/** Default address of the server. */
const LOOPBACK = "127.0.0.1";

/** Folder in which the sshd of root confines its processes before login. */
const PRIVILEGE_FOLDER = "/run/sshd";

/**
 * An SSH server on loopback, with keys and a configuration of its own, made as fast as possible: no PAM, no message of
 * the day, no look-up of names.
 */
export class SshHost implements AsyncDisposable {
  /** Options of ssh and scp, without the port. */
  readonly options: readonly string[];

  private constructor(
    readonly folder: TempFolder,
    readonly user: string,
    readonly port: number,
    readonly undo: AsyncDisposableStack,
  ) {
    this.options = [
      ...["-F", "none", "-i", folder.at("user")],
      ...optionsOf({
        BatchMode: "yes",
        IdentitiesOnly: "yes",
        StrictHostKeyChecking: "yes",
        GlobalKnownHostsFile: "/dev/null",
        UserKnownHostsFile: folder.at("known_hosts"),
        User: user,
        Port: String(port),
      }),
    ];
  }

  /**
   * Starts the server, and checks that it runs commands.
   *
   * @throws {PiriError} if it does not
   */
  static async start(
    addresses: readonly string[] = [LOOPBACK],
  ): Promise<SshHost> {
    await using undo = new AsyncDisposableStack();
    const folder = undo.use(await TempFolder.make("piri-bench-"));
    const user: BareUser = undo.use(await bareUser());
    const host = new SshHost(folder, user.name, freePort(), undo.move());
    try {
      await host.#makeKeys();
      await host.#serve(addresses);
      for (const address of addresses) await host.#prove(address);
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Command line of ssh for a command on the server. */
  ssh(...command: readonly string[]): string[] {
    return ["ssh", ...this.options, LOOPBACK, ...command];
  }

  /** Command line of scp for a file to the server. */
  scp(from: string, to: string): string[] {
    return ["scp", "-q", ...this.options, from, `${LOOPBACK}:${to}`];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo.disposeAsync();
  }

  async #makeKeys(): Promise<void> {
    const { folder } = this;
    // The user that logs in must find the keys in this folder, and the folder for received files.
    await Deno.chmod(folder.path, 0o711);
    for (const name of ["host", "user"]) {
      await run([
        ...["ssh-keygen", "-q", "-t", "ed25519", "-N", ""],
        ...["-f", folder.at(name)],
      ]);
    }
    await Deno.copyFile(folder.at("user.pub"), folder.at("authorized_keys"));
    await Deno.chmod(folder.at("authorized_keys"), 0o644);
    const key = await Deno.readTextFile(folder.at("host.pub"));
    await Deno.writeTextFile(folder.at("known_hosts"), `* ${key}`);
  }

  async #serve(addresses: readonly string[]): Promise<void> {
    if (Deno.uid() === 0) await Deno.mkdir(PRIVILEGE_FOLDER, OPEN_FOLDER);
    const sshd = await pathOf("sshd") ?? "sshd";
    for (let at = 0; at < addresses.length; at += MAX_ADDRESSES) {
      const config = this.folder.at(`sshd_config_${at}`);
      const served = addresses.slice(at, at + MAX_ADDRESSES);
      await Deno.writeTextFile(config, this.#config(served));
      const argv = [sshd, "-D", "-e", "-f", config];
      const daemon = this.undo.use(new Daemon("sshd", { argv }));
      await until(
        "sshd listens",
        () => daemon.log.split("Server listening").length > served.length,
      );
    }
  }

  #config(addresses: readonly string[]): string {
    const { folder, port, user } = this;
    return [
      ...addresses.map((address) => `ListenAddress ${address}:${port}`),
      `HostKey ${folder.at("host")}`,
      `AuthorizedKeysFile ${folder.at("authorized_keys")}`,
      `AllowUsers ${user}`,
      "AuthenticationMethods publickey",
      "StrictModes no",
      "UsePAM no",
      "UseDNS no",
      "PrintMotd no",
      "PrintLastLog no",
      "PidFile none",
      "MaxStartups 1000",
      "Subsystem sftp internal-sftp",
      "",
    ].join("\n");
  }

  /** Checks a login by a command that fails with its own code. A denied login would be just as fast. */
  async #prove(address: string): Promise<void> {
    const argv = ["ssh", ...this.options, address, "echo out; exit 3"];
    const { code, stdout, stderr } = await timed(argv);
    if (code === 3 && new TextDecoder().decode(stdout) === "out\n") return;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot log in at ${address} by ssh: it ended with ${code}, ${stderr}`,
    );
  }
}

const OPEN_FOLDER = { recursive: true, mode: 0o755 };

/** Formats options for a command line. */
export function optionsOf(options: Readonly<Record<string, string>>): string[] {
  return Object.entries(options)
    .flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}
