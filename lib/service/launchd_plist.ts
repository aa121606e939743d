import {
  argumentsOf,
  requireOneLine,
  type ServiceName,
  type ServicePlan,
} from "./service_host.ts";

/** Label of the service in launchd. */
export function launchdLabel(name: ServiceName): string {
  return `org.piri.${name === "piri-agent" ? "agent" : "manager"}`;
}

/** Path of the log of a service. */
export function launchdLog(name: ServiceName): string {
  return `/Library/Logs/${name}.log`;
}

/** Text of a launchd property list for a service. */
export function launchdPlist(plan: ServicePlan): string {
  requireOneLine(plan);
  const { name, user, group } = plan;
  const log = launchdLog(name);
  const words = [plan.executable, ...argumentsOf(plan)];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    `<!-- Written by ${name} service install. -->`,
    `<!-- State folder: ${comment(plan.dir)} -->`,
    `<!-- Executable: ${comment(plan.executable)} -->`,
    '<plist version="1.0">',
    "<dict>",
    ...entry("Label", string(launchdLabel(name))),
    ...entry(
      "ProgramArguments",
      "<array>",
      ...words.map((word) => `\t${string(word)}`),
      "</array>",
    ),
    ...entry("RunAtLoad", "<true/>"),
    ...entry("KeepAlive", "<true/>"),
    // Daemons that commands have started survive a restart. The agent ends its commands itself.
    ...name === "piri-agent" ? entry("AbandonProcessGroup", "<true/>") : [],
    ...entry("ExitTimeOut", "<integer>30</integer>"),
    ...entry("ThrottleInterval", "<integer>5</integer>"),
    ...user === "" ? [] : entry("UserName", string(user)),
    ...group === "" ? [] : entry("GroupName", string(group)),
    ...entry("StandardOutPath", string(log)),
    ...entry("StandardErrorPath", string(log)),
    "</dict>",
    "</plist>",
    "",
  ].join("\n");
}

function entry(key: string, ...value: readonly string[]): string[] {
  return [`\t<key>${key}</key>`, ...value.map((line) => `\t${line}`)];
}

function string(text: string): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
  return `<string>${escaped}</string>`;
}

/** A text in a comment, which must not have two hyphens. */
function comment(text: string): string {
  return text.replaceAll("--", "- -");
}
