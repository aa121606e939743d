import { operations } from "./registry.ts";

/** Acting operations by which nothing can be run that the host does not run anyway, each with the reason. */
const LIMITED: Readonly<Record<string, string>> = {
  "agent.Restart": "starts the same agent again",
  "agent.Update": "installs only what a key that the agent knows has signed",
  "apt.UnattendedUpgrade": "upgrades what the host is set up for",
  "group.Absent": "takes rights away, and gives none",
  "host.Entry": "gives names an address; who answers there has to prove itself",
  "host.Locale": "writes the checked name of a locale",
  "host.Name": "writes a checked name",
  "host.Timezone": "links a zone that is on the host",
  "mount.Unmounted": "shows files that are on the host",
  "package.Absent": "removes packages, by checked names and without options",
  "package.Lists": "reads lists of repositories that the host trusts",
  "package.Upgraded": "installs from repositories that the host trusts",
  "service.Disabled": "is about services that are on the host",
  "service.Enabled": "is about services that are on the host",
  "service.Masked": "is about services that are on the host",
  "service.Reload": "is about services that are on the host",
  "service.Restart": "is about services that are on the host",
  "service.Running": "is about services that are on the host",
  "service.Stopped": "is about services that are on the host",
  "ssh.KnownHosts": "says whom ssh trusts, and lets nobody in",
  "state.Forgive": "forgets restarts that are owed",
  "systemd.Disabled": "is about services that are on the host",
  "systemd.Enabled": "is about services that are on the host",
  "systemd.Masked": "is about services that are on the host",
  "systemd.Reload": "is about services that are on the host",
  "systemd.Restart": "is about services that are on the host",
  "systemd.Running": "is about services that are on the host",
  "systemd.Stopped": "is about services that are on the host",
  "user.Absent": "takes rights away, and gives none",
  "wait.For": "only looks",
};

/** Operations by which anything can be run on a host in the end: those that run programs, and those that act and are not known to be limited. */
export const unlimitedOperations: readonly string[] = operations
  .filter(({ name, acts, runsPrograms = false }) =>
    runsPrograms || (acts && !Object.hasOwn(LIMITED, name))
  )
  .map(({ name }) => name);

/** Acting operations that are known to be limited. */
export const limitedOperations: readonly string[] = Object.keys(LIMITED);
