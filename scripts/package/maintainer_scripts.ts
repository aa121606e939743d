import type { ServiceName } from "../../lib/service/service_host.ts";

/** Scripts of a package, by moment. */
export interface MaintainerScripts {
  /** Script that runs after the files were put there. */
  readonly installed: string;
  /** Script that runs before the files are removed. */
  readonly removing: string;
  /** Script that runs after the files were removed. */
  readonly removed: string;
}

/** File without which a service cannot run. */
const SETTINGS: Readonly<Record<ServiceName, string>> = {
  "piri-agent": "agent.yaml",
  "piri-manager": "config.yaml",
};

/**
 * Lines that all scripts begin with. `DPKG_ROOT` is another root that dpkg installs to.
 */
function beginning(name: ServiceName): string {
  return `set -e
root=\${DPKG_ROOT:-}
unit=${name}.service
state=$root/var/lib/${name}

# True if systemd runs here.
has_systemd() { [ -d "$root/run/systemd/system" ]; }

# Prints the process of the service; nothing if it does not run.
process() { systemctl show --property=MainPID --value "$unit" 2>/dev/null | sed -n '/^0*$/!p'; }
`;
}

/** Makes the user of the Manager: by systemd, or as hosts without it do. */
const MAKE_USER = `
make_user() {
  if command -v systemd-sysusers >/dev/null 2>&1; then
    systemd-sysusers --root="\${root:-/}" piri-manager.conf
  elif ! getent passwd piri >/dev/null 2>&1; then
    useradd --system --user-group --no-create-home --home-dir /var/lib/piri-manager --shell /usr/sbin/nologin piri
  fi
}
`;

/** Function that takes the new files into use. It never restarts the service: the upgrade may be a command of the agent. */
function takeIntoUse(name: ServiceName): string {
  return `
# A version that does not say that it is restartable could end at the signal.
restart_when_idle() {
  if grep -q '"restartable":true' "$state/running.json" 2>/dev/null; then
    kill -s USR1 "$1" 2>/dev/null || true
  else
    echo "${name} goes on with the version before: ${name} service restart" >&2
  fi
}

take_into_use() {
  has_systemd || return 0
  systemctl daemon-reload || true
  if [ -e "$root/etc/systemd/system/$unit" ]; then
    echo "${name} runs as /etc/systemd/system/$unit says, and not from this package, until: ${name} service uninstall && /usr/bin/${name} service install && /usr/bin/${name} service start" >&2
    return 0
  fi
  running=$(process)
  if [ -n "$running" ]; then
    restart_when_idle "$running"
  elif [ -f "$state/${
    SETTINGS[name]
  }" ] && systemctl --quiet is-enabled "$unit"; then
    if command -v deb-systemd-invoke >/dev/null 2>&1; then
      deb-systemd-invoke start "$unit" || true
    else
      systemctl --no-block start "$unit" || true
    fi
  fi
}
`;
}

/** Function that stops the service before its files go, but not from a command of its own. */
function takeOutOfUse(name: ServiceName): string {
  const refuse = name === "piri-manager" ? "" : `
  parent=$$
  while [ "\${parent:-0}" -gt 1 ]; do
    if [ "$parent" = "$running" ]; then
      echo "Cannot remove ${name} by a command of its own: it would end in the middle; use systemd-run --no-block" >&2
      exit 1
    fi
    parent=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$parent/status")
  done`;
  return `
take_out_of_use() {
  has_systemd || return 0
  running=$(process)
  [ -n "$running" ] || return 0${refuse}
  systemctl stop "$unit"
}
`;
}

/** Scripts of a Debian package. The unit stays enabled until the package is purged, as in other packages. */
export function debScripts(name: ServiceName): MaintainerScripts {
  const isManager = name === "piri-manager";
  const head = `#!/bin/sh\n${beginning(name)}`;
  return {
    installed: `${head}${isManager ? MAKE_USER : ""}${takeIntoUse(name)}
if [ "$1" = configure ]; then
${
      isManager
        ? "  make_user\n"
        : ""
    }  # Only at the first time: the owner of the host may have disabled it since.
  if [ -z "$2" ] && command -v systemctl >/dev/null 2>&1; then
    systemctl --root="\${root:-/}" --quiet enable "$unit" || true
  fi
  take_into_use
fi
`,
    removing: `${head}${takeOutOfUse(name)}
if [ "$1" = remove ]; then
  take_out_of_use
fi
`,
    removed: `${head}
if [ "$1" = purge ]; then
  rm -f "$root/etc/systemd/system/multi-user.target.wants/$unit"
  rm -rf "$state"
fi
if has_systemd; then
  systemctl daemon-reload || true
fi
`,
  };
}

/** Scripts of an RPM package, for its spec: the shell is that of RPM, and the argument is the count of versions after. */
export function rpmScripts(name: ServiceName): MaintainerScripts {
  const isManager = name === "piri-manager";
  const head = beginning(name);
  return {
    installed: `${head}${isManager ? MAKE_USER : ""}${takeIntoUse(name)}
${
      isManager
        ? "make_user\n"
        : ""
    }if [ "$1" = 1 ] && command -v systemctl >/dev/null 2>&1; then
  systemctl --quiet enable "$unit" || true
fi
take_into_use
`,
    removing: `${head}${takeOutOfUse(name)}
if [ "$1" = 0 ]; then
  take_out_of_use
  if command -v systemctl >/dev/null 2>&1; then
    systemctl --quiet disable "$unit" || true
  fi
fi
`,
    removed: `${head}
if has_systemd; then
  systemctl daemon-reload || true
fi
`,
  };
}
