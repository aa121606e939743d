import type { Program, ProgramUser } from "../program.ts";
import { SHELL, shellArguments } from "../shell_start.ts";

/** Tools that a keeper needs besides the shell. All are of coreutils, or of busybox. */
export const KEEPER_TOOLS = [
  "cat",
  "dd",
  "ln",
  "mkfifo",
  "mv",
  "rm",
  "setsid",
  "sleep",
  "wc",
] as const;

/** Folders in which a keeper finds its tools: never those of its program, because it may have more rights. */
export const KEEPER_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

/** Number that the offsets in names of segments are added to, so that names sort like numbers. */
export const NAME_BASE = 1_000_000_000_000_000;

/** Size from which on a stream goes on in another file, in bytes. */
const SEGMENT_BYTES = 8 * 1_048_576;

/** Bytes that are kept of the beginning of what nobody has read, and of its end. */
export const KEPT_BYTES = 32 * 1_048_576;

/**
 * Script of a keeper, for /bin/sh in the folder of its command. It starts the program, keeps its output in files, and
 * notes its exit code. It needs none of the agent, and about 2 MB together with its tools.
 *
 * Signals that end a tree do not end it: it has another session than its program. What it must still be able to say on a
 * full disk is the removal of a file, or the change of one that is there.
 */
export const KEEPER = `
umask 077
trap : HUP INT QUIT TERM

# Whoever links this name first decides: the program begins now, or never.
read -r stat </proc/self/stat && echo "$stat" >claim && ln claim keeper || exit

attached() {
  { read -r pid ticks <agent && read -r stat </proc/"$pid"/stat; } 2>/dev/null || return 1
  set -- \${stat##*) }
  [ "$1" != Z ] && [ "\${20}" = "$ticks" ]
}

ahead() {
  set -- "$1"-1*
  [ $((${NAME_BASE} + at - \${1##*-})) -ge ${2 * KEPT_BYTES} ]
}

drop() {
  end=$((${NAME_BASE} + at - ${KEPT_BYTES}))
  set -- "$1"-1*
  begin=$((\${1##*-} + ${KEPT_BYTES}))
  while [ $# -gt 1 ]; do
    [ "\${1##*-}" -lt "$begin" ] || [ "\${2##*-}" -gt "$end" ] || rm -f "$1"
    shift
  done
}

collect() {
  trap '' HUP INT QUIT TERM
  at=0 had=0 file=$1-${NAME_BASE}
  while dd bs=65536 count=128 2>/dev/null >>"$file"; do
    size=$(($(wc -c <"$file")))
    [ "$size" -gt "$had" ] || { rm -f "$1-open"; return; }
    had=$size
    [ "$size" -ge ${SEGMENT_BYTES} ] || continue
    at=$((at + size)) had=0
    file=$1-$((${NAME_BASE} + at))
    while attached && ahead "$1"; do sleep 1; done
    attached || drop "$1"
  done
  [ -e "$1-open" ] || return
  rm -f "$1-whole"
  cat >/dev/null
  rm -f "$1-open"
}

exec 2>/dev/null
mkfifo 1-pipe 2-pipe || exit
collect 1 <1-pipe &
collect 2 <2-pipe &
# In a shell of its own: this one has words about the signal that ends it, and they would be in its stderr.
(exec setsid ${SHELL} start <stdin >1-pipe 2>2-pipe)
echo "exit $?" 1<>noted
mv noted end
rm -f 1-pipe 2-pipe
sync end
wait
wait
`;

/** Names that a shell does not let anybody set. */
const READ_ONLY = /^(?:UID|EUID|PPID|SHELLOPTS|BASHOPTS|BASH_.*)$/;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Script that notes its own process, and becomes the program's line as the program's user. */
export function startScript(user: ProgramUser | undefined): string {
  const who = user === undefined ? [] : [
    "setpriv",
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    `--groups=${user.groups.join(",")}`,
    "--",
  ];
  return [
    'read -r stat </proc/self/stat && echo "$stat" >program.new && mv program.new program',
    "exec 7<line",
    // Read through a file that is open: the user may not open it.
    `exec ${
      [...who, SHELL].map(quoted).join(" ")
    } -c 'line=$(cat <&7) && eval "$line"'`,
    "",
  ].join("\n");
}

/** Script that becomes the program. It is run by the program's user, so that nothing of its environment gets more rights. */
export function programLine(
  { argv, argvBytes, cwd, env, umask }: Program,
  timerSlack: number,
): string {
  const variables = Object.entries(env);
  const [plain, odd] = [true, false].map((wanted) =>
    variables.filter(([name]) =>
      wanted === (VARIABLE_NAME.test(name) && !READ_ONLY.test(name))
    )
  );
  const encoder = new TextEncoder();
  const [first = "", ...rest] = (odd ?? []).length === 0
    ? []
    : ["env", ...(odd ?? []).map(([name, value]) => `${name}=${value}`)];
  const before = first === "" ? [] : [first, ...rest];
  const [name, ...words] = [...before, ...argv];
  const args = shellArguments({
    argv: [name ?? "", ...words],
    ...argvBytes === undefined ? {} : {
      argvBytes: [...before.map((word) => encoder.encode(word)), ...argvBytes],
    },
    env: {},
    ...umask === undefined ? {} : { umask },
  });
  return [
    "exec 7<&-",
    `{ echo ${timerSlack} >/proc/self/timerslack_ns; } 2>/dev/null`,
    `cd -- ${quoted(cwd)} || exit 126`,
    "unset line stat PWD OLDPWD SHLVL _",
    ...(plain ?? []).map(([name, value]) => `export ${name}=${quoted(value)}`),
    `exec ${[SHELL, ...args].map(quoted).join(" ")}`,
    "",
  ].join("\n");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
