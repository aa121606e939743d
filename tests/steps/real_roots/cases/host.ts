import type { RootCase } from "../root_case.ts";

const UNIT = `[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
`;
const PREPARE_UNIT = `printf '%s' '${UNIT}' >/etc/systemd/system/piri.service`;
const WANTED = "/etc/systemd/system/multi-user.target.wants/piri.service";

/** Cases of the host's own settings, of jobs and of units. */
export const HOST: readonly RootCase[] = [
  {
    name: "host.Entry and host.Name write their files",
    prepare: "printf '127.0.0.1 localhost\\n10.0.0.8 db # old\\n' >/etc/hosts",
    steps: [
      { operation: "host.Name", params: { name: "piri-web" } },
      {
        operation: "host.Entry",
        params: { ip: "10.0.0.9", names: ["db", "db.lan"] },
      },
    ],
    written: ["~ /etc/hostname", "~ /etc/hosts"],
    look: "cat /etc/hostname /etc/hosts",
    seen: "piri-web\n127.0.0.1 localhost\n10.0.0.9\tdb db.lan\n",
  },
  {
    name: "host.Timezone moves the link and the file",
    steps: [{ operation: "host.Timezone", params: { zone: "Europe/Berlin" } }],
    written: ["~ /etc/localtime", "~ /etc/timezone"],
    look: "date -d '2026-01-01 12:00 UTC' +%H:%M; cat /etc/timezone",
    seen: "13:00\nEurope/Berlin\n",
  },
  {
    name: "host.Locale makes a locale, and writes it down",
    needs: "locale-gen",
    steps: [{ operation: "host.Locale", params: { locale: "de_DE.UTF-8" } }],
    written: [
      "+ /usr/lib/locale/locale-archive",
      "~ /etc/default/locale",
      "~ /etc/locale.gen",
    ],
    look: "tail -n 1 /etc/default/locale; locale -a | grep de_DE",
    seen: "LANG=de_DE.UTF-8\nde_DE.utf8\n",
  },
  {
    name: "cron.Job writes a file of its own, and removes one",
    prepare: "mkdir -p /etc/cron.d; echo '* * * * * root x' >/etc/cron.d/gone",
    steps: [
      {
        operation: "cron.Job",
        params: {
          name: "report",
          schedule: "30 4 * * mon-fri",
          command: "date +%F",
          user: "games",
        },
      },
      { operation: "cron.Job", params: { name: "gone", absent: true } },
    ],
    written: ["+ /etc/cron.d/report", "- /etc/cron.d/gone"],
    look: "tail -n 1 /etc/cron.d/report",
    seen: "30 4 * * mon-fri games date +\\%F\n",
  },
  {
    name: "systemd.Unit writes a unit and a drop-in, and enables the unit",
    needs: "systemctl",
    steps: [
      {
        operation: "systemd.Unit",
        params: { name: "piri", content: UNIT, enabled: true },
      },
      {
        operation: "systemd.Unit",
        params: {
          name: "piri",
          dropin: "env",
          content: "[Service]\nEnvironment=A=1\n",
        },
      },
    ],
    written: [
      `+ ${WANTED}`,
      "+ /etc/systemd/system/piri.service",
      "+ /etc/systemd/system/piri.service.d/",
      "+ /etc/systemd/system/piri.service.d/env.conf",
    ],
    look: `cat ${WANTED} /etc/systemd/system/piri.service.d/env.conf`,
    seen: `${UNIT}[Service]\nEnvironment=A=1\n`,
  },
  {
    name: "systemd.Unit removes a unit with its links",
    needs: "systemctl",
    prepare: `${PREPARE_UNIT}; systemctl enable piri`,
    steps: [
      { operation: "systemd.Unit", params: { name: "piri", absent: true } },
    ],
    written: [
      `- ${WANTED}`,
      "- /etc/systemd/system/piri.service",
    ],
  },
  {
    name: "systemd.Timer writes a service and a timer, and enables it",
    needs: "systemctl",
    steps: [{
      operation: "systemd.Timer",
      params: {
        name: "tidy",
        calendar: ["daily"],
        command: "echo tidy",
        env: { A: "b" },
      },
    }],
    written: [
      "+ /etc/systemd/system/tidy.service",
      "+ /etc/systemd/system/tidy.service.env",
      "+ /etc/systemd/system/tidy.timer",
      "+ /etc/systemd/system/timers.target.wants/tidy.timer",
    ],
    look: "grep ^OnCalendar /etc/systemd/system/timers.target.wants/tidy.timer",
    seen: "OnCalendar=daily\n",
  },
  {
    name: "service.Enabled enables a unit, and service.Masked masks another",
    needs: "systemctl",
    prepare:
      `${PREPARE_UNIT}; cp /etc/systemd/system/piri.service /lib/systemd/system/other.service`,
    steps: [
      { operation: "service.Enabled", params: { name: "piri" } },
      { operation: "service.Masked", params: { name: "other" } },
    ],
    written: [`+ ${WANTED}`, "+ /etc/systemd/system/other.service"],
    look: "systemctl is-enabled piri other",
    seen: "enabled\nmasked\n",
  },
  {
    name: "service.Disabled takes the links of a unit away",
    needs: "systemctl",
    prepare: `${PREPARE_UNIT}; systemctl enable piri`,
    steps: [{ operation: "service.Disabled", params: { name: "piri" } }],
    written: [`- ${WANTED}`],
    look: "systemctl is-enabled piri",
    seen: "disabled\n",
  },
];
