import {
  argumentsOf,
  guardWords,
  requireOneLine,
  type ServicePlan,
  settingsFileOf,
  titleOf,
} from "./service_host.ts";

/** Path of the log of a service: supervise-daemon passes output to no logger. */
export function openrcLog(name: string): string {
  return `/var/log/${name}.log`;
}

/** Text of an OpenRC script for a service. */
export function openrcScript(plan: ServicePlan): string {
  requireOneLine(plan);
  const { name, user, group } = plan;
  const settings = settingsFileOf(plan);
  const owner = group === "" ? user : `${user}:${group}`;
  // The function that starts it reads the words a second time.
  const [command, ...words] = commandOf(plan);
  const args = words.map(shellWord).join(" ");
  return [
    "#!/sbin/openrc-run",
    `# Written by ${name} service install.`,
    `# State folder: ${plan.dir}`,
    `# Executable: ${plan.executable}`,
    `name="${titleOf(name)}"`,
    "supervisor=supervise-daemon",
    `command=${shellWord(shellWord(command))}`,
    `command_args=${shellWord(args)}`,
    ...user === "" ? [] : [`command_user=${shellWord(owner)}`],
    "respawn_delay=5",
    "respawn_max=0",
    'retry="TERM/30/KILL/5"',
    `output_log=${openrcLog(name)}`,
    `error_log=${openrcLog(name)}`,
    "",
    "depend() {",
    // Debian has no service of the name "localmount", and a service does not start without those that it needs.
    "\tuse localmount net dns logger",
    "\tafter firewall",
    "}",
    "",
    "start_pre() {",
    // The OpenRC of Debian knows no required_files.
    `\tif ! [ -f ${shellWord(settings)} ]; then`,
    `\t\teerror ${shellWord(`${name} has no ${settings}`)}`,
    "\t\treturn 1",
    "\tfi",
    ...user === "" ? [] : [
      `\tcheckpath --file --mode 0640 --owner ${shellWord(owner)} "$error_log"`,
    ],
    "}",
    "",
  ].join("\n");
}

/** Program and arguments. supervise-daemon starts them again and again, and runs nothing before each start. */
function commandOf(plan: ServicePlan): [string, ...string[]] {
  const command = [plan.executable, ...argumentsOf(plan)] as const;
  if (plan.guard === undefined) return [...command];
  const guard = guardWords(plan, plan.guard).map(shellWord).join(" ");
  return [
    "/bin/sh",
    "-c",
    `${guard}; exec ${command.map(shellWord).join(" ")}`,
  ];
}

/** A word of a shell, quoted where the shell would otherwise read something else. */
function shellWord(text: string): string {
  return /^[\w./:=@%+-]+$/.test(text)
    ? text
    : `'${text.replaceAll("'", `'\\''`)}'`;
}
