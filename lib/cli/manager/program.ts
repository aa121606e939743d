import type { BuildInfo, Program } from "../command.ts";
import { completeSubcommand } from "../complete_subcommand.ts";
import { completionSubcommand } from "../completion_subcommand.ts";
import { helpSubcommand } from "../help_subcommand.ts";
import { exitCodes } from "../topics/exit_codes.ts";
import { json } from "../topics/json.ts";
import { agent } from "./agent.ts";
import { agents } from "./agents.ts";
import { apply } from "./apply.ts";
import { drift } from "./drift.ts";
import { owed } from "./owed.ts";
import { approval } from "./approval.ts";
import { approve, reject } from "./approve.ts";
import { audit } from "./audit.ts";
import { ca, manager } from "./key_rotation.ts";
import { backup } from "./backup.ts";
import { cancel } from "./cancel.ts";
import { commands } from "./commands.ts";
import { data } from "./data.ts";
import { events } from "./events.ts";
import { exportIdentity } from "./export_identity.ts";
import { facts } from "./facts.ts";
import { giveUp } from "./give_up.ts";
import { importGroup } from "./import.ts";
import { init } from "./init.ts";
import { issuer } from "./issuer.ts";
import { job } from "./job.ts";
import { key } from "./key.ts";
import { login } from "./login.ts";
import { findManager } from "./logins.ts";
import { logout } from "./logout.ts";
import { operations } from "./operations.ts";
import { operator } from "./operator.ts";
import { liveWords } from "./live_words.ts";
import { overview } from "./overview.ts";
import { ping } from "./ping.ts";
import { plan } from "./plan.ts";
import { get } from "./get.ts";
import { put } from "./put.ts";
import { release } from "./release.ts";
import { rerun } from "./rerun.ts";
import { rule } from "./rule.ts";
import { secret } from "./secret.ts";
import { state } from "./state.ts";
import { run } from "./run.ts";
import { serve } from "./serve.ts";
import { serviceGroup } from "../service.ts";
import { guard } from "../service_guard.ts";
import { serviceRun } from "../service_run.ts";
import type { ManagerServices } from "./services.ts";
import { show } from "./show.ts";
import { sign } from "./sign.ts";
import { status } from "./status.ts";
import { targets } from "./targets.ts";
import { token } from "./token.ts";
import { jobs } from "./topics/jobs.ts";
import { output } from "./topics/output.ts";
import { targets as targetsTopic } from "./topics/targets.ts";
import { update } from "./update.ts";
import { watch } from "./watch.ts";
import { whoami } from "./whoami.ts";
import { why } from "./why.ts";

/** Lines to type instead of words that people know from other tools. */
const SYNONYMS: Readonly<Record<string, string>> = {
  abort: "piri-manager cancel",
  acl: "piri-manager rule list",
  add: "piri-manager agent add",
  authority: "piri-manager ca status",
  approvals: "piri-manager approval list",
  attach: "piri-manager watch",
  archive: "piri-manager backup",
  daemon: "piri-manager serve",
  delete: "piri-manager agent remove",
  describe: "piri-manager show",
  dump: "piri-manager backup",
  exec: "piri-manager run",
  explain: "piri-manager why",
  follow: "piri-manager watch",
  get: "piri-manager show",
  grains: "piri-manager facts",
  group: "piri-manager agent set --group",
  groups: "piri-manager agents",
  health: "piri-manager status",
  history: "piri-manager commands",
  hosts: "piri-manager agents",
  info: "piri-manager status",
  install: "piri-manager service install",
  inspect: "piri-manager show",
  issuers: "piri-manager issuer list",
  jobs: "piri-manager job list",
  join: "piri-agent join",
  keys: "piri-manager key show",
  kill: "piri-manager cancel",
  list: "piri-manager agents",
  log: "piri-manager events",
  logs: "piri-manager events",
  ls: "piri-manager agents",
  minions: "piri-manager agents",
  nodes: "piri-manager agents",
  oidc: "piri-manager issuer add",
  debts: "piri-manager owed",
  operators: "piri-manager operator list",
  ops: "piri-manager operations",
  permissions: "piri-manager rule list",
  ps: "piri-manager commands",
  remove: "piri-manager agent remove",
  repeat: "piri-manager rerun",
  restart: "piri-manager service restart",
  retry: "piri-manager rerun",
  resolve: "piri-manager targets",
  rm: "piri-manager agent remove",
  rules: "piri-manager rule list",
  secrets: "piri-manager secret list",
  select: "piri-manager targets",
  "sign-in": "piri-manager login",
  snapshot: "piri-manager backup",
  signin: "piri-manager login",
  signout: "piri-manager logout",
  setup: "piri-manager init",
  ssh: "piri-manager run",
  start: "piri-manager serve",
  stop: "piri-manager cancel",
  systemd: "piri-manager service install",
  tail: "piri-manager watch",
  token: "piri-manager agent token",
  upgrade: "piri-manager update",
  releases: "piri-manager release list",
  rollback: "piri-manager update TARGETS --back",
  uninstall: "piri-manager service uninstall",
  user: "piri-manager operator add",
  users: "piri-manager operator list",
  version: "piri-manager --version",
};

/** The command line of `piri-manager`. */
export function managerProgram(
  options: {
    readonly build: BuildInfo;
    readonly defaultDir: () => string;
    readonly services: ManagerServices;
  },
): Program<ManagerServices> {
  const program: Program<ManagerServices> = {
    name: "piri-manager",
    summary: "runs commands on many hosts and tells how they went",
    subcommands: [
      init,
      serve,
      serviceGroup<ManagerServices>("piri-manager", [
        guard,
        serviceRun((dir, services, life) =>
          services.serve({ dir, log: {}, guard: false }, {
            ...life,
            onReady() {},
          })
        ),
      ]),
      agents,
      agent,
      token,
      ca,
      manager,
      targets,
      facts,
      ping,
      run,
      job,
      put,
      get,
      operations,
      watch,
      cancel,
      rerun,
      giveUp,
      commands,
      show,
      why,
      events,
      status,
      login,
      logout,
      whoami,
      approve,
      reject,
      approval,
      sign,
      key,
      operator,
      issuer,
      rule,
      secret,
      state,
      plan,
      apply,
      drift,
      owed,
      data,
      audit,
      release,
      update,
      backup,
      exportIdentity,
      importGroup,
      completionSubcommand("piri-manager"),
      helpSubcommand(() => program),
      completeSubcommand(() => program, liveWords),
    ],
    hasOperatorConfig: true,
    alone: overview,
    findManager,
    topics: [targetsTopic, jobs, output, json, exitCodes],
    synonyms: SYNONYMS,
    ...options,
  };
  return program;
}
