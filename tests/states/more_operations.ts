import type { ParameterShape } from "../../lib/steps/parameters.ts";
import { stepDescriptions } from "../../lib/steps/registry.ts";
import {
  ABSENT,
  CONTENT,
  duration,
  file,
  flag,
  folder,
  integer,
  map,
  NAME,
  operation,
  OWNER,
  PATH,
  path,
  required,
  text,
  texts,
} from "./shapes.ts";
import type { StepDescription } from "../../lib/steps/step_operation.ts";

const FILE_OPERATIONS: readonly StepDescription[] = [
  operation("file.Tree", "a folder is like one of the Manager", "path", {
    path: PATH,
    source: required(
      folder("folder of the Manager, by its path below files/all"),
    ),
    ...OWNER,
    dir_mode: { type: "mode", description: "mode of the folders in it" },
    clean: flag("remove what the folder of the Manager does not have"),
    exclude: texts("globs of paths that are left alone"),
  }),
  operation("file.Fetch", "a file is that of the Manager", "path", {
    path: PATH,
    source: required(file("file of the Manager, by its path below files/all")),
    sha256: text("SHA-256 of the content in hex digits"),
    ...OWNER,
  }),
  operation("file.Downloaded", "a file is that of a web server", "path", {
    path: PATH,
    url: required(text("URL of the file")),
    sha256: text("SHA-256 of the content in hex digits"),
    unpinned: flag("accept any content, and look at the ETag"),
    headers: { ...map("headers of the request"), secret: true },
    ...OWNER,
  }),
  operation("archive.Extracted", "an archive is unpacked", "path", {
    path: PATH,
    source: file("file of the Manager, by its path below files/all"),
    url: text("URL of the archive"),
    sha256: text("SHA-256 of the archive in hex digits"),
    strip: integer("number of leading folders to leave out"),
    user: text("owner, by name or number"),
    group: text("group, by name or number"),
    verify: flag("compare the hashes of all files"),
  }, [["source", "url"]]),
];

const PACKAGE_OPERATIONS: readonly StepDescription[] = [
  operation("package.Installed", "packages are installed", "name", {
    name: texts("name of the package, or several"),
    names: texts("names of the packages"),
    version: text("version that it should have"),
    latest: flag("install the newest version"),
    hold: flag("keep the version when others are upgraded"),
    recommends: flag("also install what is recommended"),
    options: texts("more options of the package manager"),
  }, [["name", "names"]]),
  operation("package.Absent", "packages are not installed", "name", {
    name: texts("name of the package, or several"),
    names: texts("names of the packages"),
    purge: flag("also remove their settings"),
    autoremove: flag("also remove what nothing needs any more"),
  }, [["name", "names"]]),
  operation("package.Upgraded", "all packages are the newest", "except", {
    except: texts("names of packages to leave alone"),
  }),
  operation("package.Lists", "the lists of packages are fresh", "max_age", {
    max_age: duration("oldest age of the lists", "24h"),
  }),
  operation("package.Repository", "a repository is set up", "name", {
    name: NAME,
    url: required(text("URL of the repository")),
    suites: texts("its suites"),
    components: texts("its components"),
    key: text("key that signs it, or its file on the Manager"),
    enabled: flag("false to keep it and not use it", "true"),
    absent: ABSENT,
  }),
  operation("apt.Installed", "packages are installed by apt", "name", {
    name: texts("name of the package, or several"),
    names: texts("names of the packages"),
  }, [["name", "names"]]),
  operation("apt.UnattendedUpgrade", "packages are upgraded by apt", "name", {
    name: text("nothing"),
  }),
];

const STEPS = (description: string): ParameterShape => ({
  type: "steps",
  description,
});

function serviceOperations(module: string): readonly StepDescription[] {
  return [
    operation(`${module}.Running`, "a service runs", "name", {
      name: NAME,
      enabled: flag("start it with the host"),
      restart_on: STEPS("steps whose changes restart it"),
      reload_on: STEPS("steps whose changes make it read its files again"),
      settle: duration("time for which it must stay up after a start", "2s"),
    }),
    operation(`${module}.Stopped`, "a service does not run", "name", {
      name: NAME,
      enabled: flag("start it with the host"),
    }),
    operation(`${module}.Enabled`, "a service starts with the host", "name", {
      name: NAME,
    }),
    operation(
      `${module}.Disabled`,
      "a service does not start with the host",
      "name",
      { name: NAME },
    ),
    operation(`${module}.Masked`, "a service cannot be started", "name", {
      name: NAME,
    }),
    operation(`${module}.Restart`, "a service is restarted", "name", {
      name: NAME,
    }),
    operation(
      `${module}.Reload`,
      "a service reads its files again",
      "name",
      { name: NAME },
    ),
  ];
}

const SERVICE_OPERATIONS: readonly StepDescription[] = [
  ...serviceOperations("service"),
  ...serviceOperations("systemd"),
  operation("systemd.Unit", "a unit of systemd is as given", "name", {
    name: NAME,
    ...CONTENT,
    dropin: text("name of a file that adds to the unit"),
    enabled: flag("start it with the host"),
    running: flag("it should run"),
    absent: ABSENT,
  }),
  operation("systemd.Timer", "a timer of systemd runs a command", "name", {
    name: NAME,
    calendar: text("times as systemd writes them"),
    command: text("command line"),
    user: text("user that it runs as"),
    env: map("variables of its environment"),
    absent: ABSENT,
  }),
  operation("cron.Job", "cron runs a command", "name", {
    name: NAME,
    schedule: text("five fields of a crontab, or @daily"),
    command: text("command line"),
    user: text("user that it runs as"),
    env: map("variables of its environment"),
    absent: ABSENT,
  }),
];

const USER_OPERATIONS: readonly StepDescription[] = [
  operation("user.Present", "a user is there", "name", {
    name: NAME,
    uid: integer("number of the user"),
    user_group: text("its first group"),
    groups: texts("its other groups"),
    only_groups: flag("leave all groups that are not named"),
    home: path("its home"),
    create_home: flag("make its home"),
    shell: path("its shell"),
    comment: text("its full name"),
    system: flag("a user of the system"),
    password: { ...text("crypt hash of the password"), secret: true },
    locked: flag("it cannot log in by a password"),
    expires: text("day after which it cannot log in, as 2027-01-31"),
  }),
  operation("user.Absent", "a user is not there", "name", {
    name: NAME,
    remove_home: flag("also remove its home"),
  }),
  operation("group.Present", "a group is there", "name", {
    name: NAME,
    gid: integer("number of the group"),
    members: texts("users in it"),
    only_members: flag("take out all others"),
    system: flag("a group of the system"),
  }),
  operation("group.Absent", "a group is not there", "name", { name: NAME }),
  operation("ssh.AuthorizedKeys", "keys can log in as a user", "user", {
    user: required(text("name of the user")),
    keys: required(texts("public keys, as in authorized_keys")),
    only: flag("remove all other keys"),
    options: text("options before the keys"),
    absent: ABSENT,
  }),
  operation("ssh.KnownHosts", "the keys of a host are known", "host", {
    host: required(text("name or address of the host")),
    keys: required(texts("public keys of the host")),
    user: text("user that knows them; all users if not given"),
    absent: ABSENT,
  }),
];

const SYSTEM_OPERATIONS: readonly StepDescription[] = [
  operation("git.UpToDate", "a working copy is at a revision", "target", {
    target: required(path("folder of the working copy")),
    repo: required(text("URL of the repository")),
    rev: text("branch, tag or commit"),
    user: text("user that does it"),
    identity: path("private key on the host"),
    depth: integer("number of commits to fetch"),
    recurse_submodules: flag("also fetch submodules"),
    force: flag("drop local changes"),
    ff_only: flag("refuse what is no fast-forward"),
    rebase: flag("put local commits on top"),
    force_pull: flag("the former name of force"),
  }),
  operation("sysctl.Parameter", "a parameter of the kernel is so", "name", {
    name: NAME,
    value: text("its value"),
    file: path("file that sets it at a start"),
    absent: ABSENT,
  }),
  operation("kernel.Module", "a module of the kernel is loaded", "name", {
    name: NAME,
    params: map("its parameters"),
    absent: ABSENT,
  }),
  operation("host.Name", "the host has this name", "name", { name: NAME }),
  operation("host.Entry", "/etc/hosts knows names of an address", "ip", {
    ip: required(text("the address")),
    names: required(texts("its names")),
    absent: ABSENT,
  }),
  operation("host.Timezone", "the host is in a time zone", "zone", {
    zone: required(text("name as Europe/Berlin")),
  }),
  operation("host.Locale", "the host has a locale", "locale", {
    locale: required(text("name as de_DE.UTF-8")),
  }),
];

const OTHER_OPERATIONS: readonly StepDescription[] = [
  operation("data.Show", "data is printed", "name", {
    name: text("dotted name of the data"),
  }),
  operation("noop.Noop", "nothing", "message", { message: text("any text") }),
];

/** Operations of tests, also in place of those of agents. */
const OWN: readonly StepDescription[] = [
  ...FILE_OPERATIONS,
  ...PACKAGE_OPERATIONS,
  ...SERVICE_OPERATIONS,
  ...USER_OPERATIONS,
  ...SYSTEM_OPERATIONS,
  ...OTHER_OPERATIONS,
];

/** Operations of agents, and more, with parameters of all kinds: what the compiler does with them needs no host. */
export const MORE_OPERATIONS: readonly StepDescription[] = [
  ...stepDescriptions.filter(({ name }) =>
    OWN.every((own) => own.name !== name)
  ),
  ...OWN.map((own) => {
    const real = stepDescriptions.find(({ name }) => name === own.name);
    return real?.validate === undefined
      ? own
      : { ...own, validate: real.validate };
  }),
];
