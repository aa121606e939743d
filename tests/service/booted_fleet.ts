/** Lines that start a Manager as a service, and let the same host join it as a service. */
export const SET_UP: readonly string[] = [
  "/mnt/piri-manager init --listen 127.0.0.1:7051",
  "/mnt/piri-manager service install",
  "piri-manager service start",
  'PIRI_JOIN_TOKEN=$(piri-manager agent add web-1 --json | sed \'s/.*"token":"\\([^"]*\\)".*/\\1/\') /mnt/piri-agent join --service',
];

/** Line that succeeds if the agent is connected. */
export const CONNECTED =
  "piri-agent service status --json | grep -q '\"connected\":true'";
