import { createHash } from "node:crypto";
import type { LogOptions } from "./base/log_options.ts";
import { systemClock } from "./base/clock.ts";
import { codeOf, PiriError } from "./base/errors.ts";
import type { Identity } from "./base/pem.ts";
import { giveUpPermissions } from "./base/permissions.ts";
import { systemRandom } from "./base/random.ts";
import { aborted } from "./base/signals.ts";
import type { Control, ManagerServices } from "./cli/manager/services.ts";

/**
 * Services that the Manager's command line uses. Each part is loaded at its first use: `run` needs no certificate
 * library, and `init` no server.
 */
export const managerServices: ManagerServices = {
  async init({ dir, listen, advertise, authorityKey, authority }) {
    await requireNoLogin(dir);
    const { parseAddress, formatAddress } = await import("./base/address.ts");
    const { parseAdvertised } = await import("./manager/state/config.ts");
    const { initState } = await import("./manager/state/init_state.ts");
    const { openStore } = await import("./store/open.ts");
    const { decodePem } = await import("./base/pem.ts");
    const { AgeKeys } = await import("./manager/secrets/age_keys.ts");
    const addresses = {
      listen: parseAddress(listen, { lowestPort: 0 }),
      advertise: parseAdvertised(advertise ?? listen),
    };
    const parts = { clock: systemClock, random: systemRandom };
    const isGiven = authorityKey !== undefined;
    const paths = await initState(dir, {
      ...addresses,
      ...parts,
      authority: isGiven
        ? await authorityWith(authorityKey, authority)
        : undefined,
      prepare: async ({ database, secretsKey }) => {
        await using _made = await openStore(database, parts);
        await AgeKeys.load(secretsKey, systemRandom);
      },
    });
    const certificate = decodePem(
      "CERTIFICATE",
      await Deno.readTextFile(paths.caCert),
    );
    return {
      dir,
      files: [
        paths.config,
        paths.caCert,
        ...isGiven ? [] : [paths.caKey],
        paths.serverCert,
        paths.serverKey,
        paths.secretsKey,
        paths.database,
      ],
      fingerprint: fingerprintOf(certificate),
      listen: formatAddress(addresses.listen),
      advertise: formatAddress(addresses.advertise),
    };
  },

  async serve(
    { dir, log, guard, control },
    { signal, onReload, onRestart, onReady, serviceManager },
  ) {
    await requireNoLogin(dir);
    const { OwnState } = await import("./own_service.ts");
    // Before libraries can be loaded no more.
    using state = new OwnState("piri-manager", dir, serviceManager);
    // Before it reads a byte from outside. On Windows the rights to its state folder are looked at by a library.
    if (Deno.build.os !== "windows") {
      Deno.permissions.revokeSync({ name: "ffi" });
    }
    using undo = new DisposableStack();
    const storeWorker = await startStoreThread(undo);
    const { serveManager } = await import("./serve_manager.ts");
    const { askManager, ownManagerTrial } = await import(
      "./own_manager_update.ts"
    );
    const { parseAddress } = await import("./base/address.ts");
    const { logger, startLog } = await import("./base/log.ts");
    const { reloadAndLog } = await import("./base/reload.ts");
    giveUpPermissions();
    const restart = Promise.withResolvers<string>();
    const trial = await ownManagerTrial({ dir, restart: restart.resolve });
    await trial?.begin();
    await using manager = await serveManager({
      trial: trial?.isOn === true ? trial : undefined,
      onUpgrade(isOn) {
        trial?.upgrading(isOn);
        state.upgrading(isOn);
      },
      dir,
      storeWorker,
      clock: systemClock,
      random: systemRandom,
      guard,
      controlListen: control === undefined
        ? undefined
        : parseAddress(control, { lowestPort: 0 }),
      async startLog(configured: LogOptions) {
        await startLog({ ...configured, ...log, file: state.logFile });
        trial?.announce();
      },
    });
    const { listen, control: socket, controlPort } = manager;
    state.ready({ connected: null, detail: `agents at ${listen}` });
    onReady({ listen, control: socket, controlPort });
    trial?.serves(() => askManager(dir));
    using _reloads = onReload(() =>
      reloadAndLog(() => manager.reload(), logger("manager"))
    );
    using _restarts = onRestart(() => {
      if (state.isManaged) {
        return restart.resolve("a restart by SIGUSR1");
      }
      logger("manager").warning(
        "Cannot restart: no service manager has started this Manager, so nobody would start it again",
      );
    });
    const cause = await Promise.race([
      restart.promise,
      aborted(signal).then(() => signal.reason),
    ]);
    trial?.stop();
    state.stopping(!signal.aborted);
    logger("manager").info("The Manager stops: {cause}", { cause });
  },

  async asWindowsService(live) {
    const { asWindowsService } = await import("./own_service.ts");
    return await asWindowsService("piri-manager", live);
  },

  async service() {
    const { ownService } = await import("./own_service.ts");
    return await ownService("piri-manager", async (dir) => {
      await requireNoLogin(dir);
      const { readConfig } = await import("./manager/state/state_folder.ts");
      const { statePaths } = await import("./manager/state/state_paths.ts");
      const { listen, control } = await readConfig(statePaths(dir)).catch(
        (error) => {
          if (codeOf(error) !== "NOT_FOUND") throw error;
          throw new PiriError(
            "FAILED_PRECONDITION",
            `Cannot install the service: "${dir}" is no state folder of a Manager; run piri-manager init`,
          );
        },
      );
      const { requireKnownSchema } = await import("./own_manager_update.ts");
      await requireKnownSchema(dir);
      return {
        hasLowPort: [listen.port, control?.port ?? 0].some((port) =>
          port > 0 && port < FIRST_FREE_PORT
        ),
      };
    }, {
      async beginTrial(change) {
        const { beginManagerTrial } = await import("./own_manager_update.ts");
        return await beginManagerTrial(change);
      },
    });
  },

  async guard({ dir, part }) {
    const { guardManagerStart } = await import("./own_manager_update.ts");
    // Nothing watches a Manager on Windows.
    return await guardManagerStart(dir, {
      part: part === "watch" ? "all" : part,
    });
  },

  async serveBriefly({ dir, dirGiven, listen }) {
    if (dirGiven) await requireNoLogin(dir);
    const text = dirGiven ? undefined : takeVariable(STATE_VARIABLE);
    const { parseAddress } = await import("./base/address.ts");
    const { startLog } = await import("./base/log.ts");
    const { temporaryPlace } = await import("./base/passing_folder.ts");
    using undo = new DisposableStack();
    const storeWorker = await startStoreThread(undo);
    const { serveBriefly } = await import("./serve_briefly.ts");
    giveUpPermissions();
    const manager = await serveBriefly({
      from: text === undefined ? { dir } : { text },
      storeWorker,
      listen: listen === undefined
        ? undefined
        : parseAddress(listen, { lowestPort: 0 }),
      clock: systemClock,
      random: systemRandom,
      // The log of agents is not the output of a job.
      startLog: ({ format }) => startLog({ format, level: "warning" }),
      place: temporaryPlace((name) => Deno.env.get(name)),
    });
    // It ends its thread itself.
    undo.move();
    return manager;
  },

  async exportIdentity(dir, options) {
    await requireNoLogin(dir);
    const { exportManager } = await import("./exported_manager.ts");
    return await exportManager(dir, options);
  },

  async backUp(dir, options) {
    await requireNoLogin(dir);
    const { backUp } = await import("./manager/state/back_up.ts");
    const { copyDatabase, lackOf } = await import("./store/copy_database.ts");
    return await backUp(dir, { ...options, copyDatabase, lackOf });
  },

  async exportAuthority(dir, options) {
    await requireNoLogin(dir);
    const { exportAuthorityKey } = await import(
      "./manager/state/authority_key.ts"
    );
    const { statePaths } = await import("./manager/state/state_paths.ts");
    await exportAuthorityKey(statePaths(dir), {
      ...options,
      random: systemRandom,
    });
  },

  async authorityCertificate(authorityKey, authority) {
    return (await authorityWith(authorityKey, authority)).certPem;
  },

  async issueCertificate({ authorityKey, authority, certificate, names }) {
    const { authorityOf } = await import("./manager/state/authority_key.ts");
    const { renewServerCertificate } = await import(
      "./manager/state/authority.ts"
    );
    const { certPem } = await renewServerCertificate(
      authorityOf(authority, authorityKey),
      certificate,
      { now: systemClock.now(), random: systemRandom, names },
    );
    return certPem;
  },

  async states(dir) {
    await requireNoLogin(dir);
    const { openStateDesk } = await import("./state_desk.ts");
    return await openStateDesk(dir);
  },

  async redpepper(folder, { stateDir, into }) {
    const { openImport } = await import("./import_redpepper.ts");
    if (into !== undefined) {
      return await openImport(folder, { dir: into, isManager: false });
    }
    await requireNoLogin(stateDir);
    return await openImport(folder, { dir: stateDir, isManager: true });
  },

  async stateSchema(dir) {
    const { schemaOf } = await import("./state_desk.ts");
    return await schemaOf(dir);
  },

  async connect(dir): Promise<Control> {
    const { connectControl } = await import("./api/client.ts");
    const sudoUser = Deno.env.get("SUDO_USER") ?? Deno.env.get("DOAS_USER");
    return await connectControl(dir, {
      sudoUser: sudoUser ?? "",
      token: Deno.env.get(TOKEN_VARIABLE) || undefined,
    });
  },

  async ciToken(audience): Promise<string> {
    const { ciToken } = await import("./base/ci_token.ts");
    const { fetchText } = await import("./base/fetch_text.ts");
    const { publicAuthorities } = await import("./base/public_authorities.ts");
    const { trustingOnlyGiven } = await import("./base/trust.ts");
    const env = (name: string) => Deno.env.get(name);
    const authorities = await publicAuthorities(env);
    const clock = systemClock;
    return await ciToken(audience, {
      env,
      // Those that the CI is trusted by must not make a Manager trusted.
      fetchText: (url, headers) =>
        trustingOnlyGiven(() =>
          fetchText(url, { clock, headers, authorities, loopback: true })
        ),
    });
  },

  async remoteShell(destination) {
    const { remoteShell } = await import("./remote_shell.ts");
    return remoteShell(destination);
  },

  async connectTo({ address, ca, token }): Promise<Control> {
    const { connectRemote } = await import("./api/client.ts");
    const { parseAddress } = await import("./base/address.ts");
    const { host: hostname, port } = parseAddress(address);
    return await connectRemote({
      transport: "tls",
      hostname,
      port,
      caPem: ca,
      token,
    });
  },
};

/** The authority of a key that is kept elsewhere, with its certificate or with a new one. */
async function authorityWith(
  key: string,
  certificate: string | undefined,
): Promise<Identity> {
  const { givenAuthority } = await import("./manager/state/given_authority.ts");
  return await givenAuthority(key, {
    certificate,
    now: systemClock.now(),
    random: systemRandom,
  });
}

/**
 * Starts the thread for a database before this one reads the rest of its code: so both read at a time.
 *
 * @param undo Ends it.
 */
async function startStoreThread(undo: DisposableStack): Promise<Worker> {
  const { startStoreWorker } = await import("./store/store_worker.ts");
  return undo.adopt(startStoreWorker(), (worker) => worker.terminate());
}

/** Lowest port that a program may listen on without a capability. */
const FIRST_FREE_PORT = 1024;

/** Environment variable with the token of an operator, for scripts. */
const TOKEN_VARIABLE = "PIRI_TOKEN";

/** Environment variable with the state text of a Manager. */
const STATE_VARIABLE = "PIRI_STATE";

/** Refuses the folder of a login: the Manager itself is on another machine. */
async function requireNoLogin(dir: string): Promise<void> {
  const { loginFile } = await import("./base/login_file.ts");
  const { exists } = await import("./base/files.ts");
  if (!await exists(loginFile(dir))) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot use "${dir}" as a state folder: it is that of a login at a Manager on another machine`,
  );
}

/** Reads an environment variable and removes it, so that nothing that is started later inherits it. */
function takeVariable(name: string): string | undefined {
  const value = Deno.env.get(name) ?? "";
  Deno.env.delete(name);
  return value.trim() === "" ? undefined : value;
}

/** SHA-256 of a certificate in the form that people compare. */
function fingerprintOf(certificate: Uint8Array): string {
  const digest = createHash("sha256").update(certificate).digest("hex");
  return (digest.toUpperCase().match(/../g) ?? []).join(":");
}
