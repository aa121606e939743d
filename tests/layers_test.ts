import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join, relative } from "@std/path";

/**
 * Rooms of lib/ and what each may import: an import that is not in here fails.
 *
 * A room is a folder or a file, and the longest name that fits a path is its room: a subfolder without a line of its own
 * belongs to the folder above it. A room may always import itself; lib/std, proto/gen and packages are for all. A room
 * after "type" may be imported for its types only.
 */
const layers: Readonly<Record<string, readonly string[]>> = {
  std: [],
  base: [],
  protobuf: ["base"],
  wire: ["base", "protobuf", "wire/dialect.ts"],
  "wire/dialect.ts": ["base", "wire"],
  files: ["base"],
  operations: ["base", "files", "steps", "steps/registry.ts"],
  targets: ["base"],
  service: ["base"],
  steps: ["base", "files"],
  "steps/providers": ["base", "steps"],
  "steps/operations": ["base", "files", "steps", "steps/providers"],
  "steps/registry.ts": ["type steps", "steps/operations"],
  update: ["base", "type service"],
  states: ["base", "steps"],

  "agent/fact_source.ts": ["base", "operations"],
  "agent/machine_id.ts": [],
  "agent/removed_note.ts": ["base"],
  "agent/command_settings.ts": ["operations"],
  "agent/custom_setting.ts": ["type operations"],
  "agent/config.ts": [
    "base",
    "agent/command_settings.ts",
    "agent/custom_setting.ts",
  ],
  "agent/running_settings.ts": ["base", "update", "agent/config.ts"],
  "agent/key_files.ts": [
    "base",
    "type wire",
    "type agent/config.ts",
    "agent/link",
  ],
  "agent/audit": ["base"],
  "agent/witness": ["base"],
  "agent/journal": ["base", "type operations", "wire/dialect.ts"],
  "agent/policy": ["base", "operations"],
  "agent/workers": ["base", "operations"],
  "agent/runner": [
    "wire/dialect.ts",
    "base",
    "protobuf",
    "type wire",
    "operations",
    "type agent/audit",
    "type agent/journal",
    "type agent/policy",
    "type agent/survivors",
    "type agent/workers",
  ],
  "agent/survivors": ["base", "operations"],
  "agent/link": [
    "wire/dialect.ts",
    "base",
    "protobuf",
    "wire",
    "type operations",
    "type agent/journal",
    "type agent/policy",
    "type agent/witness",
    "agent/runner",
  ],
  "agent/update": [
    "base",
    "operations",
    "type service",
    "type agent/workers",
    "update",
  ],
  "agent/own_work.ts": ["base", "type agent/workers"],
  "agent/restart.ts": ["base"],
  "agent/own_operations.ts": [
    "base",
    "operations",
    "type agent/link",
    "type agent/own_work.ts",
    "type agent/workers",
    "agent/update",
    "type agent/restart.ts",
  ],
  "agent/core.ts": [
    "base",
    "agent/update",
    "agent/own_work.ts",
    "agent/own_operations.ts",
    "agent/restart.ts",
    "wire",
    "type agent/audit",
    "agent/journal",
    "agent/policy",
    "type agent/workers",
    "agent/runner",
    "agent/link",
  ],

  "store/fresh_command.ts": ["type store"],
  store: ["base", "store/fresh_command.ts"],

  "manager/api/command_api.ts": [
    "base",
    "type store",
    "type manager/api/access_api.ts",
  ],
  "manager/api/target_api.ts": ["type targets", "type store"],
  "manager/api/job_api.ts": [
    "base",
    "type store",
    "type manager/api/access_api.ts",
    "type manager/api/command_api.ts",
    "type manager/api/target_api.ts",
  ],
  "manager/api/access_api.ts": [
    "base",
    "type store",
    "type manager/api/target_api.ts",
  ],
  "manager/access": [
    "base",
    "targets",
    "type store",
    "type manager/api/access_api.ts",
    "type manager/api/ci_api.ts",
    "type manager/api/target_api.ts",
    "type manager/agents/agent_roster.ts",
    "type manager/targeting.ts",
    "type manager/api/audit_api.ts",
    "manager/audit/audit_entry.ts",
  ],
  "manager/api/ci_api.ts": [
    "base",
    "type store",
    "type manager/api/access_api.ts",
  ],
  "manager/api/keys_api.ts": ["type base"],
  "manager/api/operator_api.ts": [
    "type manager/api/keys_api.ts",
    "type manager/api/approval_api.ts",
    "type manager/api/release_api.ts",
    "type manager/api/drift_api.ts",
    "type manager/api/plan_api.ts",
    "type manager/api/secret_api.ts",
    "type manager/api/enrolment_api.ts",
    "base",
    "type store",
    "type manager/api/access_api.ts",
    "type manager/api/ci_api.ts",
    "type manager/api/command_api.ts",
    "type manager/api/target_api.ts",
    "type manager/api/job_api.ts",
    "type manager/api/audit_api.ts",
  ],
  "manager/api/audit_api.ts": [
    "type base",
    "type store",
    "type manager/api/access_api.ts",
    "type manager/api/target_api.ts",
  ],
  "manager/audit/audit_entry.ts": [
    "base",
    "type store",
    "type manager/api/command_api.ts",
  ],
  "manager/signed_request.ts": [
    "base",
    "type store",
    "type manager/api/job_api.ts",
  ],
  "manager/audit/denials.ts": [
    "base",
    "type store",
    "type manager/api/audit_api.ts",
    "manager/audit/audit_entry.ts",
  ],
  "manager/audit/audit_log.ts": [
    "base",
    "type store",
    "type manager/api/audit_api.ts",
    "manager/audit/audit_entry.ts",
    "manager/audit",
    "manager/audit/denials.ts",
  ],
  "manager/audit": [
    "base",
    "type store",
    "type manager/api/audit_api.ts",
    "manager/audit/audit_entry.ts",
    "type manager/api/command_api.ts",
    "type manager/api/job_api.ts",
    "type manager/data",
    "type manager/events/events.ts",
  ],
  "manager/fleet.ts": ["base", "wire", "type wire/dialect.ts", "type store"],
  "manager/events/unrecorded_events.ts": ["type store"],
  "manager/events/event_text.ts": [
    "base",
    "type store",
    "type manager/api/operator_api.ts",
  ],
  "manager/events/event_follower.ts": [
    "base",
    "type manager/api/operator_api.ts",
  ],
  "manager/events/events.ts": [
    "base",
    "type store",
    "type manager/api/operator_api.ts",
    "manager/events/unrecorded_events.ts",
    "manager/events/event_text.ts",
    "manager/events/event_follower.ts",
  ],
  "manager/keys/due_renewal.ts": ["base", "type manager/events/events.ts"],
  "manager/storage_health.ts": [
    "base",
    "type store",
    "type manager/api/operator_api.ts",
    "type manager/events/events.ts",
  ],
  "manager/manager_parts.ts": [
    "base",
    "type store",
    "type manager/events/events.ts",
    "type manager/fleet.ts",
  ],
  "manager/webhooks/webhook.ts": ["base", "type store"],
  "manager/webhooks": [
    "base",
    "type store",
    "type manager/agents/agent_roster.ts",
    "type manager/events/events.ts",
    "manager/webhooks/webhook.ts",
  ],
  "manager/state": [
    "base",
    "type store",
    "type manager/keys/rotating_keys.ts",
    "manager/door",
    "manager/webhooks/webhook.ts",
    "manager/drift/drift_rule.ts",
  ],
  "manager/door": ["base", "wire"],
  "manager/data": ["base", "type states"],
  "manager/blobs": [
    "base",
    "files",
    "type store",
    "type manager/api/operator_api.ts",
    "manager/data",
  ],
  "manager/api/release_api.ts": ["type base"],
  "manager/update": ["base", "update"],
  "manager/releases": [
    "base",
    "update",
    "type store",
    "type manager/api/release_api.ts",
    "manager/audit/audit_entry.ts",
    "type manager/blobs",
    "type manager/data",
  ],
  "manager/agents/agent_installation.ts": ["base"],
  "manager/plans/plan_digest.ts": ["base", "type store"],
  "manager/plans/plan_work.ts": [
    "base",
    "type store",
    "type manager/secrets",
    "manager/plans/plan_digest.ts",
  ],
  "manager/plans": [
    "base",
    "targets",
    "type store",
    "steps",
    "type manager/api/access_api.ts",
    "manager/audit/audit_entry.ts",
    "type manager/blobs",
    "type manager/data",
    "type manager/api/job_api.ts",
    "type manager/jobs",
    "type manager/api/plan_api.ts",
    "type manager/api/approval_api.ts",
    "type manager/approvals",
    "manager/plans/plan_digest.ts",
    "manager/plans/plan_work.ts",
    "type manager/secrets",
  ],
  "manager/drift/drift_rule.ts": ["base"],
  "manager/drift": [
    "type manager/manager_parts.ts",
    "base",
    "type store",
    "type manager/api/access_api.ts",
    "type manager/api/drift_api.ts",
    "type manager/targeting.ts",
    "manager/drift/drift_rule.ts",
    "type manager/events/events.ts",
    "type manager/jobs",
    "type manager/api/plan_api.ts",
    "type manager/plans",
  ],
  "manager/api/drift_api.ts": [
    "type manager/api/access_api.ts",
    "type manager/api/plan_api.ts",
  ],
  "manager/api/plan_api.ts": [
    "type base",
    "type store",
    "type manager/api/access_api.ts",
    "type manager/api/approval_api.ts",
    "type manager/api/job_api.ts",
  ],
  "manager/api/secret_api.ts": ["type base"],
  "manager/secrets": [
    "base",
    "targets",
    "steps",
    "type states",
    "type store",
    "type manager/agents/agent_roster.ts",
    "type manager/blobs",
    "type manager/api/access_api.ts",
    "type manager/api/secret_api.ts",
    "manager/audit/audit_entry.ts",
    "manager/data",
  ],
  "manager/command": [
    "type manager/manager_parts.ts",
    "manager/signed_request.ts",
    "type manager/secrets",
    "manager/audit/audit_entry.ts",
    "base",
    "wire",
    "type store",
    "store/fresh_command.ts",
    "type manager/api/operator_api.ts",
    "type manager/fleet.ts",
    "type manager/events/events.ts",
    "type manager/blobs",
  ],
  "manager/watching": [
    "base",
    "type store",
    "type manager/api/operator_api.ts",
    "type manager/fleet.ts",
    "manager/command",
  ],
  "manager/commands.ts": [
    "type manager/manager_parts.ts",
    "type manager/secrets",
    "base",
    "type store",
    "type manager/api/operator_api.ts",
    "type manager/fleet.ts",
    "type manager/events/events.ts",
    "type manager/storage_health.ts",
    "type manager/blobs",
    "manager/command",
    "manager/watching",
  ],
  "manager/admission": [
    "wire/dialect.ts",
    "manager/agents/agent_installation.ts",
    "type manager/api/access_api.ts",
    "type manager/api/plan_api.ts",
    "manager/drift/drift_rule.ts",
    "type manager/secrets",
    "type manager/api/audit_api.ts",
    "manager/audit/audit_entry.ts",
    "base",
    "targets",
    "wire",
    "type store",
    "type manager/fleet.ts",
    "type manager/manager_parts.ts",
    "type manager/command",
    "type manager/commands.ts",
    "type manager/jobs",
    "manager/agents/agent_policy.ts",
    "type manager/events/events.ts",
  ],
  "manager/agents/agent_leaving.ts": [
    "type store",
    "type manager/data",
    "type manager/events/events.ts",
  ],
  "manager/agents/agent_policy.ts": [
    "base",
    "type store",
    "type manager/data",
    "type manager/events/events.ts",
  ],
  "manager/agents/agent_removal.ts": [
    "manager/audit/audit_entry.ts",
    "base",
    "type store",
    "type manager/api/operator_api.ts",
    "type manager/manager_parts.ts",
    "type manager/commands.ts",
    "type manager/jobs",
  ],
  "manager/agents/agent_renaming.ts": [
    "manager/audit/audit_entry.ts",
    "base",
    "targets",
    "type manager/api/access_api.ts",
    "type manager/admission",
    "manager/agents/agent_names.ts",
    "type manager/manager_parts.ts",
    "type manager/commands.ts",
  ],
  "manager/agents/refreshed_facts.ts": [
    "manager/agents/agent_installation.ts",
    "base",
    "type store",
    "type manager/command",
    "manager/agents/agent_policy.ts",
  ],
  "manager/agents/agent_names.ts": ["base", "targets"],
  "manager/agents/agent_change.ts": [
    "base",
    "targets",
    "type store",
    "manager/agents/agent_names.ts",
  ],
  "manager/agents/agent_roster.ts": [
    "manager/agents/start_records.ts",
    "manager/audit/audit_entry.ts",
    "targets",
    "type base",
    "type store",
    "type manager/fleet.ts",
  ],
  "manager/agents/start_records.ts": ["type base", "type store"],
  "manager/targeting.ts": [
    "base",
    "targets",
    "type manager/api/operator_api.ts",
    "type manager/fleet.ts",
    "type manager/agents/agent_roster.ts",
  ],
  "manager/round_trips.ts": ["base", "type manager/fleet.ts"],
  "manager/agents/known_names.ts": [
    "targets",
    "type manager/agents/agent_roster.ts",
    "type manager/api/operator_api.ts",
  ],
  "manager/api/approval_api.ts": [
    "base",
    "type store",
    "type manager/api/access_api.ts",
    "type manager/api/job_api.ts",
  ],
  "manager/approvals": [
    "manager/signed_request.ts",
    "base",
    "type manager/plans/plan_work.ts",
    "type store",
    "type manager/api/access_api.ts",
    "type manager/api/approval_api.ts",
    "type manager/api/job_api.ts",
    "manager/audit/audit_entry.ts",
    "type manager/events/events.ts",
    "type manager/jobs",
    "type manager/secrets",
  ],
  "manager/jobs": [
    "type manager/manager_parts.ts",
    "manager/signed_request.ts",
    "targets",
    "type manager/secrets",
    "manager/audit/audit_entry.ts",
    "base",
    "type store",
    "type manager/api/operator_api.ts",
    "type manager/api/job_api.ts",
    "type manager/fleet.ts",
    "type manager/events/events.ts",
    "type manager/commands.ts",
    "type manager/targeting.ts",
    "type manager/command",
    "type manager/blobs",
    "manager/watching",
  ],
  "manager/keys/rotating_keys.ts": [
    "base",
    "type wire",
    "type manager/api/keys_api.ts",
  ],
  "manager/keys/key_rotation.ts": [
    "base",
    "targets",
    "wire",
    "manager/keys/rotating_keys.ts",
    "type store",
    "manager/audit/audit_entry.ts",
    "manager/command",
    "type manager/commands.ts",
    "type manager/fleet.ts",
    "type manager/api/keys_api.ts",
    "type manager/manager_parts.ts",
  ],
  "manager/api/enrolment_api.ts": ["base", "type store"],
  "manager/keys/enrolment.ts": [
    "base",
    "type store",
    "manager/agents/agent_names.ts",
    "type manager/agents/agents.ts",
    "manager/audit/audit_entry.ts",
    "type manager/api/enrolment_api.ts",
    "type manager/manager_parts.ts",
  ],
  "manager/agents/agents.ts": [
    "wire/dialect.ts",
    "manager/audit/audit_entry.ts",
    "base",
    "targets",
    "type manager/fleet.ts",
    "manager/round_trips.ts",
    "manager/agents/known_names.ts",
    "manager/agents/agent_names.ts",
    "manager/agents/agent_change.ts",
    "type manager/agents/agent_roster.ts",
    "type manager/targeting.ts",
    "manager/agents/agent_removal.ts",
    "manager/agents/agent_renaming.ts",
    "type store",
    "type manager/api/operator_api.ts",
    "type manager/manager_parts.ts",
    "type manager/commands.ts",
    "manager/admission",
  ],
  "manager/data_requests.ts": [
    "base",
    "wire",
    "type manager/fleet.ts",
    "type manager/data",
  ],
  "manager/session.ts": [
    "base",
    "wire",
    "type manager/commands.ts",
    "type manager/data_requests.ts",
    "type manager/admission",
    "type manager/jobs",
  ],
  "manager/core.ts": [
    "manager/secrets",
    "manager/releases",
    "manager/audit/audit_log.ts",
    "manager/audit",
    "base",
    "wire",
    "type store",
    "type manager/data",
    "manager/blobs",
    "manager/fleet.ts",
    "manager/events/events.ts",
    "manager/storage_health.ts",
    "manager/commands.ts",
    "manager/admission",
    "manager/approvals",
    "type manager/api/plan_api.ts",
    "manager/plans",
    "manager/plans/plan_work.ts",
    "manager/drift",
    "type manager/drift/drift_rule.ts",
    "manager/jobs",
    "manager/access",
    "manager/agents/agent_roster.ts",
    "manager/agents/refreshed_facts.ts",
    "manager/agents/agent_leaving.ts",
    "manager/agents/agent_policy.ts",
    "manager/targeting.ts",
    "manager/agents/agents.ts",
    "manager/keys/enrolment.ts",
    "manager/keys/key_rotation.ts",
    "type manager/keys/rotating_keys.ts",
    "manager/data_requests.ts",
    "manager/session.ts",
    "manager/webhooks",
    "type manager/webhooks/webhook.ts",
  ],

  redpepper: ["base"],

  api: [
    "type manager/api/approval_api.ts",
    "type manager/api/release_api.ts",
    "type manager/api/drift_api.ts",
    "type manager/api/plan_api.ts",
    "type manager/api/secret_api.ts",
    "base",
    "protobuf",
    "type manager/api/access_api.ts",
    "type manager/api/operator_api.ts",
    "type manager/api/audit_api.ts",
    "type manager/api/enrolment_api.ts",
    "type manager/api/keys_api.ts",
    "type manager/api/job_api.ts",
    "type store",
  ],
  cli: ["base"],
  "cli/agent": ["base", "cli"],
  "cli/manager": [
    "base",
    "type protobuf",
    "files",
    "targets",
    "cli",
    "type states",
    "steps",
  ],
};

/** Composition roots, which may import every room. */
const roots = [
  "lib/agent_services.ts",
  "lib/check_agent.ts",
  "lib/agent_edition.ts",
  "lib/agent_policy.ts",
  "lib/host_record.ts",
  "lib/import_redpepper.ts",
  "lib/exported_manager.ts",
  "lib/known_params.ts",
  "lib/manager_doors.ts",
  "lib/manager_keys.ts",
  "lib/manager_services.ts",
  "lib/core_settings.ts",
  "lib/open_agent.ts",
  "lib/own_manager_update.ts",
  "lib/own_service.ts",
  "lib/own_update.ts",
  "lib/own_windows.ts",
  "lib/remote_shell.ts",
  "lib/serve_agent.ts",
  "lib/serve_briefly.ts",
  "lib/serve_manager.ts",
  "lib/serve_manager_options.ts",
  "lib/state_desk.ts",
  "lib/state_source.ts",
];

/** Modules that load those of users, by whatever paths these have. */
const loaders = ["lib/operations/custom/module_worker.ts"];

const ROOT = fromFileUrl(new URL("../", import.meta.url));

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

/** All that a module imports, loads at run time or starts as a worker, as `deno fmt` writes it. */
function importsOf(text: string): Import[] {
  const imports: Import[] = [];
  for (
    const [, type, specifier = ""] of text.matchAll(
      /^(?:import|export)\s+(type\s)?(?:[^"';]*?\bfrom\s+)?"([^"]+)"/gm,
    )
  ) {
    imports.push({ specifier, typeOnly: type !== undefined });
  }
  for (
    const [, specifier = "(not written out)"] of text.matchAll(
      /\b(?:import\(|new URL\((?=[^)]*import\.meta\.url))\s*(?:"([^"]*)")?/g,
    )
  ) {
    imports.push({ specifier, typeOnly: false });
  }
  return imports;
}

/** The layer of a path in the repository, undefined if the table has none. */
function layerOf(path: string): string | undefined {
  return Object.keys(layers)
    .toSorted((one, other) => other.length - one.length)
    .find((layer) =>
      path === `lib/${layer}` || path.startsWith(`lib/${layer}/`)
    );
}

/** Forbidden imports of a module, a line each. */
function violations(path: string, text: string): string[] {
  const layer = layerOf(path);
  if (layer === undefined && !roots.includes(path)) {
    return [`${path} is in no layer`];
  }
  const wrong: string[] = [];
  for (const { specifier, typeOnly } of importsOf(text)) {
    const target = targetOf(path, specifier);
    const allowed = target === undefined ||
      target.startsWith("proto/gen/") ||
      (target === "(not written out)" && loaders.includes(path)) ||
      // A root may stand on another; the layers stand on none.
      (roots.includes(path) && roots.includes(target)) ||
      isAllowed(layer, layerOf(target), typeOnly);
    if (!allowed) wrong.push(`${path} imports ${target}`);
  }
  return wrong;
}

function isAllowed(
  from: string | undefined,
  to: string | undefined,
  typeOnly: boolean,
): boolean {
  if (to === undefined) return false;
  if (from === undefined || from === to || to === "std") return true;
  const allowed = layers[from] ?? [];
  return allowed.includes(to) || (typeOnly && allowed.includes(`type ${to}`));
}

/** The path in the repository that a specifier leads to, undefined for a package. */
function targetOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) {
    return new URL(specifier, `file:///${path}`).pathname.slice(1);
  }
  return /^(@?[a-z]|node:)/.test(specifier) && !specifier.includes("://")
    ? undefined
    : specifier;
}

/** Circles of imports, each as the way along it. */
function circlesIn(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (module: string, way: readonly string[]) => {
    const start = way.indexOf(module);
    if (start >= 0) circles.push([...way.slice(start), module].join(" > "));
    if (start >= 0 || done.has(module)) return;
    for (const next of imports.get(module) ?? []) visit(next, [...way, module]);
    done.add(module);
  };
  for (const module of imports.keys()) visit(module, []);
  return circles;
}

async function* modulesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, folder))) {
    if (isDirectory) yield* modulesIn(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}

Deno.test("every import in lib/ is one that the table of layers has", async () => {
  const wrong: string[] = [];
  for await (const path of modulesIn("lib")) {
    wrong.push(...violations(path, await Deno.readTextFile(join(ROOT, path))));
  }

  assertEquals(wrong, []);
});

Deno.test("no module in lib/ imports itself by way of others", async () => {
  const imports = new Map<string, string[]>();
  for await (const path of modulesIn("lib")) {
    const text = await Deno.readTextFile(join(ROOT, path));
    imports.set(
      path,
      importsOf(text).flatMap(({ specifier }) =>
        targetOf(path, specifier) ?? []
      ),
    );
  }

  assertEquals(circlesIn(imports), []);
});

Deno.test("a circle of imports is found, by types too", () => {
  assertEquals(
    circlesIn(new Map([["a", ["b", "d"]], ["b", ["c"]], ["c", ["a"]]])),
    ["a > b > c > a"],
  );
});

Deno.test("an import up or across is found, however it is written", () => {
  for (
    const text of [
      `import { a } from "../wire/frame.ts";`,
      `import type { A } from "../wire/frame.ts";`,
      `import {\n  a,\n  b,\n} from "../wire/frame.ts";`,
      `export * from "../wire/frame.ts";`,
      `import "../wire/frame.ts";`,
      `const a = await import("../wire/frame.ts");`,
      `const a = await import(\n  "../wire/frame.ts"\n);`,
      `new Worker(new URL("../wire/frame.ts", import.meta.url));`,
    ]
  ) {
    assertEquals(
      violations("lib/operations/echo.ts", text),
      ["lib/operations/echo.ts imports lib/wire/frame.ts"],
      text,
    );
  }
});

Deno.test("an import of an entry point, of a test or of what is computed is found", () => {
  for (
    const [specifier, target] of [
      ['"../../../agent.ts"', "agent.ts"],
      ['"../../../tests/support/fleet.ts"', "tests/support/fleet.ts"],
      ['"https://example.org/a.ts"', "https://example.org/a.ts"],
      ["name", "(not written out)"],
    ]
  ) {
    assertEquals(
      violations("lib/agent/link/link.ts", `await import(${specifier});`),
      [`lib/agent/link/link.ts imports ${target}`],
    );
  }
});

Deno.test("imports down, of packages and of generated code are allowed", () => {
  const text = `import { a } from "../base/errors.ts";
import { b } from "./frame.ts";
import { c } from "../std/path.ts";
import { d } from "@std/path";
import { e } from "node:os";
import { f } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
const g = await import("pkijs");`;

  assertEquals(importsOf(text).length, 7);
  assertEquals(violations("lib/wire/message.ts", text), []);
});

Deno.test("files in lib/ are short: half of them have at most 90 lines", async () => {
  const lengths: number[] = [];
  for await (const path of modulesIn("lib")) {
    const text = await Deno.readTextFile(join(ROOT, path));
    lengths.push(text.split("\n").length - 1);
  }
  lengths.sort((one, other) => one - other);
  const atMost = (part: number) =>
    lengths[Math.ceil(lengths.length * part) - 1];
  const [median = Infinity, most = Infinity, longest = Infinity] = [0.5, 0.9, 1]
    .map(atMost);
  assert(median <= 90, `half of them have up to ${median} lines`);
  assert(most <= 240, `nine of ten have up to ${most} lines`);
  assert(longest <= 400, `one has ${longest} lines`);
});

Deno.test("the API takes types from the store, and nothing else", () => {
  const path = "lib/api/commands_service.ts";

  assertEquals(
    violations(path, `import type { Store } from "../store/store.ts";`),
    [],
  );
  assertEquals(
    violations(path, `import { openStore } from "../store/store.ts";`),
    [`${path} imports lib/store/store.ts`],
  );
});

Deno.test("a file in a folder that the table does not have is found", () => {
  assertEquals(violations("lib/util/misc.ts", ""), [
    "lib/util/misc.ts is in no layer",
  ]);
  assertEquals(violations("lib/misc.ts", ""), ["lib/misc.ts is in no layer"]);
});

/** Parts of an executable made of a module. */
interface Parts {
  /** Files of this repository. */
  readonly files: string[];
  /** Packages by name. */
  readonly packages: Set<string>;
  /** Packages that are loaded at the start, whatever it does. */
  readonly loaded: Set<string>;
}

async function partsOf(module: string): Promise<Parts> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", module],
    cwd: ROOT,
  }).output();
  const { roots, modules } = JSON.parse(new TextDecoder().decode(stdout));
  const files: string[] = [];
  const packages = new Set<string>();
  for (const { specifier, error, npmPackage } of modules) {
    assertEquals(error, undefined);
    if (npmPackage !== undefined) {
      packages.add(npmPackage.replace(/(?<=.)@.*$/, ""));
    }
    if (!specifier.startsWith("file:")) continue;
    files.push(relative(ROOT, fromFileUrl(specifier)).replaceAll("\\", "/"));
  }
  return { files, packages, loaded: loadedBy(roots[0], modules) };
}

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier: string };
    readonly isDynamic?: boolean;
  }[];
}

/** The packages that a module imports, and those that it imports import, but for what is imported when it is needed. */
function loadedBy(root: string, modules: readonly Module[]): Set<string> {
  const loaded = new Set<string>();
  const seen = new Set([root]);
  for (const each of seen) {
    const { dependencies = [] } = modules.find(({ specifier }) =>
      specifier === each
    ) ?? {};
    for (const { code, isDynamic } of dependencies) {
      if (code === undefined || isDynamic === true) continue;
      const [, name] = /^npm:\/?((?:@[^/]+\/)?[^@/]+)/.exec(code.specifier) ??
        [];
      if (name === undefined) seen.add(code.specifier);
      else loaded.add(name);
    }
  }
  return loaded;
}

// `deno info` does not follow workers, so it is asked for theirs too.
for (const module of ["agent.ts", "lib/agent/workers/worker.ts"]) {
  Deno.test(`${module} contains nothing of the Manager`, async () => {
    const { files } = await partsOf(module);

    assert(files.includes(module), `deno info knows no ${module}`);
    assertEquals(
      files.filter((file) =>
        /^(manager\.ts|lib\/(serve_manager\.ts|manager_services\.ts|(manager|store|api|cli\/manager)\/))/
          .test(file)
      ),
      [],
    );
  });
}

// Whatever is loaded takes memory on every host of a fleet.
for (
  const [module, wanted] of [
    [
      "agent.ts",
      [
        "@logtape/file",
        "@logtape/logtape",
        "deno-std",
        "diff",
        "string-width",
        "valibot",
        "yaml",
      ],
    ],
    ["lib/agent/workers/worker.ts", ["deno-std", "diff", "valibot", "yaml"]],
  ] satisfies [string, string[]][]
) {
  Deno.test(`${module} needs no other packages than these, so no protobuf library`, async () => {
    const { packages } = await partsOf(module);

    assertEquals([...packages].toSorted(), wanted);
  });
}

// Each start of the command line pays for what it loads.
for (
  const [module, wanted] of [
    ["manager.ts", ["deno-std", "valibot"]],
    ["lib/api/client.ts", ["deno-std", "valibot"]],
  ] satisfies [string, string[]][]
) {
  Deno.test(`a start of the command line loads no other packages for ${module}`, async () => {
    const { loaded } = await partsOf(module);

    assertEquals([...loaded].toSorted(), wanted);
  });
}

Deno.test("the command line speaks with the API without the reflective library for protobuf", async () => {
  const found: string[] = [];
  for await (const path of modulesIn("lib/cli")) {
    const text = await Deno.readTextFile(join(ROOT, path));
    const isReflective = importsOf(text).some(({ specifier }) =>
      /control_pb\.ts$|^@bufbuild\/|^@connectrpc\//.test(specifier)
    );
    // A program that only needs an enum should not load all messages.
    const loadsMessages = importsOf(text).some(({ specifier, typeOnly }) =>
      !typeOnly && specifier.endsWith("control_messages.ts")
    );
    if (isReflective || loadsMessages) found.push(path);
  }

  assertEquals(found, []);
});

Deno.test("the Manager's command line loads the tables of Unicode only for texts that need them", async () => {
  const { loaded } = await partsOf("manager.ts");

  assertEquals(
    [...loaded].filter((name) => ["string-width", "yaml"].includes(name)),
    [],
  );
});

Deno.test("an agent loads a YAML library only to read its settings, and nothing for tables", async () => {
  const { loaded } = await partsOf("agent.ts");

  assertEquals([...loaded].toSorted(), [
    "@logtape/logtape",
    "deno-std",
    "valibot",
  ]);
});
