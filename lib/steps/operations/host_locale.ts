import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader } from "../host/host.ts";
import {
  type Change,
  type Forecast,
  stepOperation,
} from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import { hasProgram } from "../providers/programs.ts";
import { runProgram } from "../providers/run_program.ts";
import { changeEdit, checkEdit, type TextEdit } from "./edited_text.ts";
import { requireLinux } from "./linux_only.ts";

/** List of the locales that Debian and its kin make. */
const LIST = "/etc/locale.gen";

/** Locales that need not be made. */
const BUILT_IN: ReadonlySet<string> = new Set(["c", "posix", "c.utf8"]);
const NAME =
  /^[A-Za-z]{1,8}(?:_[A-Za-z]{2,3})?(?:\.[A-Za-z0-9-]+)?(?:@[a-z]+)?$/;

const SETTING = (name: string) =>
  ({ kind: "setting", name: `locale ${name}` }) as const;

/** Gives a host its locale. */
export const hostLocale = stepOperation({
  name: "host.Locale",
  description: "Makes a host have a locale, and makes that where it is missing",
  subject: "locale",
  parameters: {
    locale: {
      type: "text",
      required: true,
      description: "Name of the locale, as de_DE.UTF-8",
    },
  },
  touches: () => ["/etc/default/locale", "/etc/locale.conf", LIST],
  things: ({ locale }) => [SETTING(locale)],
  validate({ locale }) {
    if (NAME.test(locale)) return;
    throw new WrongValue(
      ["locale"],
      `${quoted(locale)} is no name of a locale, as de_DE.UTF-8`,
    );
  },
  async check({ locale }, reader, forecast) {
    requireLinux("set a locale", reader);
    const isMade = await isThere(locale, reader);
    if (!isMade) requireMaker(locale, reader, forecast);
    const listed = isMade
      ? undefined
      : await checkEdit(listEdit(locale), reader, forecast);
    const set = await checkEdit(settingEdit(locale, reader), reader, forecast);
    const changes: Change[] = [
      ...isMade ? [] : [{ what: "locale", from: "(absent)", to: "made" }],
      ...set.changes,
    ];
    return {
      verdict: changes.length === 0 ? "ok" : "change",
      changes,
      fingerprint: fingerprintOf([isMade, set.fingerprint]),
      effects: [
        ...listed?.effects ?? [],
        ...set.effects ?? [],
        { kind: "thing", thing: SETTING(locale), facts: { made: true } },
      ],
    };
  },
  async change({ locale }, _, writer) {
    if (!await isThere(locale, writer)) {
      await changeEdit(listEdit(locale), writer);
      const program = { argv: ["locale-gen"] };
      await runProgram(program, `make the locale "${locale}"`, writer);
    }
    await changeEdit(settingEdit(locale, writer), writer);
  },
});

/** Name as programs list it: utf8 for UTF-8. */
function plain(locale: string): string {
  const [, name = "", charset = "", rest = ""] =
    /^([^.@]*)(\.[^@]*)?(@.*)?$/.exec(locale) ?? [];
  return `${name}${charset.replaceAll("-", "")}${rest}`.toLowerCase();
}

async function isThere(locale: string, reader: HostReader): Promise<boolean> {
  if (BUILT_IN.has(plain(locale))) return true;
  if (reader.foreseen(SETTING(locale)) !== undefined) return true;
  const all = await reader.shared(
    { name: "locales", paths: ["/usr/lib/locale"] },
    async () => {
      const { stdout } = await reader.ask({
        argv: ["locale", "-a"],
        env: { LC_ALL: "C" },
      });
      return new Set(stdout.split("\n").map(plain));
    },
  );
  return all.has(plain(locale));
}

function requireMaker(
  locale: string,
  reader: HostReader,
  { opaque }: Forecast,
): void {
  const hasMaker = hasProgram("locale-gen", reader);
  if (hasMaker && /\./.test(locale)) return;
  if (opaque !== undefined) {
    throw new Unforeseen(
      `there is no locale "${locale}", and step "${opaque}" may bring it`,
    );
  }
  throw new PiriError(
    "FAILED_PRECONDITION",
    hasMaker
      ? `Cannot make the locale "${locale}": its name must have a character set, as ${locale}.UTF-8`
      : `Cannot set the locale: this host has no "${locale}"; install its package by an earlier step, as locales or glibc-langpack-de`,
  );
}

/** Line of the list that makes a locale. */
function listEdit(locale: string): TextEdit {
  const [, charset = ""] = /\.([^@]*)/.exec(locale) ?? [];
  const wanted = `${locale} ${charset}`;
  return {
    path: LIST,
    create: true,
    edit: (lines) => {
      const isIt = (line: string) =>
        line.replace(/^[#\s]+/, "").trim() === wanted;
      if (lines.some((line) => line.trim() === wanted)) return lines;
      const first = lines.findIndex(isIt);
      return first < 0 ? [...lines, wanted] : lines.with(first, wanted);
    },
  };
}

/** Variable of the file in which the host has its locale. */
function settingEdit(locale: string, reader: HostReader): TextEdit {
  const isDebian = reader.followed("/etc/debian_version") !== undefined;
  const wanted = `LANG=${locale}`;
  return {
    path: isDebian ? "/etc/default/locale" : "/etc/locale.conf",
    create: true,
    edit: (lines) => {
      const isIt = (line: string) => /^\s*LANG=/.test(line);
      const now = lines.filter(isIt);
      const value = now.at(-1)?.trim().replace(/^LANG="?([^"]*)"?$/, "$1");
      if (now.length === 1 && value === locale) return lines;
      const first = lines.findIndex(isIt);
      return first < 0
        ? [...lines, wanted]
        : lines.flatMap((line, index) =>
          index === first ? [wanted] : isIt(line) ? [] : [line]
        );
    },
  };
}
